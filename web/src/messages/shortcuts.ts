/** The list of keyboard shortcuts. */
export const shortcutTexts = {
  title: 'Keyboard shortcuts',
  everywhere: 'Everywhere',
  lists: 'In lists',
  editor: 'In documents',
  items: {
    palette: 'Find and do',
    help: 'Show shortcuts',
    home: 'Go to Home',
    notifications: 'Go to Notifications',
    sidebar: 'Fold the sidebar',
    up: 'Move up and down',
    open: 'Open',
    select: 'Select',
    rename: 'Rename',
    remove: 'Move to trash',
    leave: 'Clear selection, go up a folder',
    bold: 'Bold',
    italic: 'Italic',
    slash: 'Insert a block',
    runCell: 'Run the cell you are in',
  },
};
