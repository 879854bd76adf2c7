/** A new document before it has its editor. */
export const draftTexts = {
  pad: 'Text of the new document',
  creating: 'Opening…',
  failed: 'The document could not be created',
  offline: 'The server does not answer.',
  isKept: 'Your text stays here.',
  retry: 'Try again',
  kept: (path: string) => `Your text is in “${path}”`,
};
