/** Whether the dialog that makes a workspace is open; it can be asked for from anywhere. */
class CreatingWorkspace {
  isOpen = $state(false);
}

export const creatingWorkspace = new CreatingWorkspace();
