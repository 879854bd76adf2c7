import { registry } from '@kyozo/resource';
import { apiKey } from './accounts/api-key.ts';
import { invitation } from './accounts/invitation.ts';
import { notification } from './accounts/notification.ts';
import { notificationPreference } from './accounts/notification-preference.ts';
import { passkey } from './accounts/passkey.ts';
import { session } from './accounts/session.ts';
import { team } from './accounts/team.ts';
import { user } from './accounts/user.ts';
import { userTeam } from './accounts/user-team.ts';
import { transfer } from './archives/transfer.ts';
import { transferEntry } from './archives/transfer-entry.ts';
import { event } from './events/event.ts';
import { picture } from './media/picture.ts';
import { storageMove } from './storage-jobs/storage-move.ts';
import { blob } from './workspaces/blob.ts';
import { branch } from './workspaces/branch.ts';
import { file } from './workspaces/file.ts';
import { fileVersion } from './workspaces/file-version.ts';
import { folder } from './workspaces/folder.ts';
import { notebook } from './workspaces/notebook.ts';
import { storageResource } from './workspaces/storage-resource.ts';
import { task } from './workspaces/task.ts';
import { taskRun } from './workspaces/task-run.ts';
import { taskRunOutput } from './workspaces/task-run-output.ts';
import { workspace } from './workspaces/workspace.ts';

/** The one list of declarations. */
export const resources = [
  user,
  team,
  userTeam,
  apiKey,
  invitation,
  notification,
  notificationPreference,
  session,
  passkey,
  workspace,
  file,
  folder,
  fileVersion,
  picture,
  branch,
  blob,
  storageResource,
  storageMove,
  notebook,
  task,
  taskRun,
  taskRunOutput,
  transfer,
  transferEntry,
  event,
] as const;

export const known = registry(resources);
