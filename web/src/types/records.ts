/** Plain records, as `services/json-api.ts` makes them of JSON:API resources. */
export type Link = { id: string };

export type User = { id: string; name: string; email: string; teams?: Team[] };
export type Team = { id: string; name: string; slug: string; personal?: boolean };
export type UserTeam = { id: string; role: Role; user?: User; team?: Team; insertedAt?: string };
export type Role = 'owner' | 'admin' | 'member';

export type Workspace = {
  id: string;
  name: string;
  slug: string;
  description?: string | null;
  archivedAt?: string | null;
  insertedAt: string;
  updatedAt: string;
};

export type StorageBackend = 'git' | 's3' | 'disk' | 'ram' | 'hybrid';

export type FileRecord = {
  id: string;
  path: string;
  name: string;
  contentType: string;
  size: number;
  version: number;
  storageBackend: StorageBackend | null;
  insertedAt: string;
  updatedAt: string;
  deletedAt?: string | null;
  workspace?: Link | Workspace;
};

export type FileVersion = {
  id: string;
  version: number;
  message: string | null;
  authors: Author[];
  size: number;
  insertedAt: string;
};
export type Author = { id?: string; name?: string; email?: string };

export type Notebook = {
  id: string;
  title: string;
  insertedAt: string;
  updatedAt: string;
  file?: Link | FileRecord;
};

export type Task = {
  id: string;
  name: string;
  language: string;
  source: string;
  position: number;
  dependsOn?: string[];
};

export type RunStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export type TaskRun = {
  id: string;
  status: RunStatus;
  language: string;
  source: string;
  exitCode: number | null;
  reason: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  insertedAt: string;
  task?: Link | Task;
  notebook?: Link | Notebook;
};

export type OutputStream = 'stdout' | 'stderr' | 'result' | 'display' | 'error';
export type Output = { seq: number; stream: OutputStream; mimeType: string; data: string };

export type ApiKey = {
  id: string;
  name: string;
  scopes: string[];
  start: string;
  expiresAt?: string | null;
  lastUsedAt?: string | null;
  insertedAt: string;
};

export type Tokens = { accessToken: string; refreshToken: string; expiresIn: number };
