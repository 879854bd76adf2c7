/** Whether the dialog that makes a team is open; it can be asked for from anywhere. */
class CreatingTeam {
  isOpen = $state(false);
}

export const creatingTeam = new CreatingTeam();
