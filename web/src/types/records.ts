/** Plain records, as `services/json-api.ts` makes them of JSON:API resources. */
export type Link = { id: string };

export type User = {
  id: string;
  name: string;
  email: string;
  emailVerified?: boolean | null;
  twoFactorEnabled?: boolean | null;
  teams?: Team[];
  memberships?: UserTeam[];
};
export type Team = { id: string; name: string; slug: string; personal?: boolean };
/** A team of one's own, with what one may do in it. */
export type OwnTeam = Team & { role: Role; membershipId: string };
export type UserTeam = { id: string; role: Role; user?: User; team?: Team; insertedAt?: string };
export type Role = 'owner' | 'admin' | 'member';

export type Invitation = {
  id: string;
  email: string;
  role: Role;
  expiresAt: string;
  insertedAt: string;
  inviter?: User;
};
/** What the holder of an invitation's token may know before accepting. */
export type InvitationPreview = { team: string; role: Role; email: string; inviter: string | null };

export type NotificationGroup = 'invitations' | 'memberships' | 'security';
export type Notification = {
  id: string;
  kind: string;
  data: Record<string, unknown>;
  readAt: string | null;
  insertedAt: string;
  team?: Team;
};
export type MailPreference = 'off' | 'immediate' | 'daily';
export type NotificationPreference = {
  id: string;
  group: NotificationGroup;
  inApp: boolean;
  mail: MailPreference;
};

export type SessionRecord = {
  id: string;
  ipAddress: string | null;
  userAgent: string | null;
  current: boolean;
  insertedAt: string;
  lastUsedAt: string;
  expiresAt: string;
};
export type Passkey = { id: string; name: string; insertedAt: string; lastUsedAt: string | null };

export type SignInMethods = {
  password: boolean;
  magicLink: boolean;
  passkeys: boolean;
  confirmation: 'required' | 'optional';
  providers: { id: string; name: string; url: string }[];
};

export type Workspace = {
  id: string;
  name: string;
  slug: string;
  description?: string | null;
  /** As somebody chose; else the rules decide for each file. */
  storageBackend: Exclude<StorageBackend, 'git' | 'ram'> | null;
  archivedAt?: string | null;
  /** When it was moved to the trash. */
  deletedAt?: string | null;
  insertedAt: string;
  updatedAt: string;
};

export type StorageBackend = 'git' | 's3' | 'disk' | 'ram' | 'hybrid';

/** What a workspace keeps in one backend; sizes in bytes. */
export type StorageUse = {
  id: string;
  storageBackend: StorageBackend;
  fileCount: number;
  fileSize: number;
  versionCount: number;
  versionSize: number;
  workspace?: Link | Workspace;
};

/** A workspace on its way to another backend. */
export type StorageMove = {
  id: string;
  backend: StorageBackend;
  status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  reason: string | null;
  total: number | null;
  done: number;
  /** Of what has been moved. */
  bytes: number;
  finishedAt: string | null;
  insertedAt: string;
  workspace?: Link | Workspace;
};

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
  picture?: Link | Picture | null;
};
/** A folder, with how many files are in it and below, counted up to 1,000. */
export type Folder = { id: string; path: string; name: string; fileCount: number };
/** What the server found out about a picture; `size` is that of the smaller one it made. */
export type Picture = {
  id: string;
  version: number;
  status: 'ready' | 'failed';
  width: number | null;
  height: number | null;
  size: number | null;
};

export type FileVersion = {
  id: string;
  version: number;
  message: string | null;
  authors: Author[];
  size: number;
  contentType: string;
  insertedAt: string;
};
/** A run of lines that one version brought; `from` counts from 1. */
export type BroughtLines = Pick<FileVersion, 'version' | 'message' | 'authors' | 'insertedAt'> & {
  from: number;
  count: number;
  text: string;
};
export type Author = { id?: string; name?: string; email?: string };

export type Transfer = {
  id: string;
  kind: 'import' | 'export';
  status: 'queued' | 'running' | 'succeeded' | 'failed';
  /** The folder that an import goes to; empty is the top. */
  folderPath: string;
  reason: string | null;
  total: number | null;
  done: number;
  refused: number;
  /** Bytes of the archive, once it is whole. */
  size: number | null;
  expiresAt: string;
  finishedAt: string | null;
  insertedAt: string;
  workspace?: Link | Workspace;
};
export type Outcome = 'created' | 'changed' | 'same' | 'refused';
/** What became of one file of an archive that came in. */
export type TransferEntry = {
  id: string;
  position: number;
  path: string;
  outcome: Outcome;
  reason: string | null;
};

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
  owner: 'user' | 'team';
  role: Role | null;
  user?: User;
  scopes: string[];
  start: string;
  expiresAt?: string | null;
  lastUsedAt?: string | null;
  insertedAt: string;
};

export type Tokens = { accessToken: string; refreshToken: string; expiresIn: number };
