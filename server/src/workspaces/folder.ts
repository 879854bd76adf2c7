import { belongsTo, define, integer, signedIn, text } from '@kyozo/resource';

export const folder = define({
  type: 'folders',
  description:
    'A folder of a workspace: what the paths of files have in common. It exists while there is a file below it; folders below a hundred levels are not listed.',
  table: 'folders',
  tenant: 'teamId',
  attributes: {
    path: text('The path in the workspace.'),
    folderPath: text('The path of the folder that it is in; empty at the top.'),
    name: text('The last part of the path.'),
    foldedName: text('The name without case and normalisation.'),
    sortName: text('The name as lists sort it: without case, and numbers padded.'),
    fileCount: integer('Files in it and in all folders below it, counted up to 1,000.'),
  },
  relationships: { workspace: belongsTo('workspaces', 'workspaceId') },
  sort: [{ field: 'sortName', descending: false }],
  actions: {},
  policies: { read: signedIn },
  events: {},
});
