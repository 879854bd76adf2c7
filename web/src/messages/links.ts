/** Links between documents. */
export const linkTexts = {
  missingTitle: 'Nothing is at this address yet',
  missingText: (path: string) => `The link leads to “${path}”, and the workspace has no such file.`,
  create: 'Create the document',
  open: 'Open the workspace',
};
