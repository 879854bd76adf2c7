const storageKey = 'kyozo.theme';

export type ThemeChoice = 'system' | 'light' | 'dark';

/** Light, dark, or whatever the machine says; `public/theme.js` sets the same class before paint. */
class Theme {
  choice: ThemeChoice = $state(
    (localStorage.getItem(storageKey) as ThemeChoice | null) ?? 'system',
  );
  #systemIsDark = $state(false);
  isDark = $derived(this.choice === 'dark' || (this.choice === 'system' && this.#systemIsDark));

  constructor() {
    const system = matchMedia('(prefers-color-scheme: dark)');
    this.#systemIsDark = system.matches;
    system.addEventListener('change', () => {
      this.#systemIsDark = system.matches;
      this.#show();
    });
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    localStorage.setItem(storageKey, choice);
    this.#show();
  }

  #show(): void {
    document.documentElement.classList.toggle('dark', this.isDark);
  }
}

export const theme = new Theme();
