const foldedKey = 'kyozo.sidebar-folded';

/** What the frame shows beside the place: the client's own state, not the server's. */
class Shell {
  sidebarIsFolded = $state(localStorage.getItem(foldedKey) === 'true');
  paletteIsOpen = $state(false);
  shortcutsAreOpen = $state(false);

  toggleSidebar(): void {
    this.sidebarIsFolded = !this.sidebarIsFolded;
    localStorage.setItem(foldedKey, String(this.sidebarIsFolded));
  }
}

export const shell = new Shell();
