import type { Command } from '../commands.ts';
import type { SlashMenuHost, SlashProps } from '../extensions/slash-commands.ts';

/** Which commands the slash menu shows, where, and which is chosen. */
export class SlashMenu implements SlashMenuHost {
  items = $state.raw<Command[]>([]);
  chosen = $state(0);
  place = $state.raw<{ left: number; top: number; bottom: number }>();
  #props: SlashProps | undefined;

  get isOpen(): boolean {
    return this.place !== undefined && this.items.length > 0;
  }

  open(props: SlashProps): void {
    this.#props = props;
    this.items = props.items;
    this.chosen = Math.min(this.chosen, Math.max(props.items.length - 1, 0));
    const box = props.clientRect?.();
    if (box) this.place = { left: box.left, top: box.top, bottom: box.bottom };
    this.#describe();
  }

  close(): void {
    this.place = undefined;
    this.chosen = 0;
    this.#describe();
    this.#props = undefined;
  }

  key(event: KeyboardEvent): boolean {
    if (!this.isOpen) return false;
    const count = this.items.length;
    if (event.key === 'ArrowDown') this.chosen = (this.chosen + 1) % count;
    else if (event.key === 'ArrowUp') this.chosen = (this.chosen + count - 1) % count;
    else if (event.key === 'Enter' || event.key === 'Tab') this.pick(this.chosen);
    else return false;
    this.#describe();
    return true;
  }

  pick(index: number): void {
    const command = this.items[index];
    if (command) this.#props?.command(command);
  }

  /** Tells screen readers which option is chosen: the focus stays in the text. */
  #describe(): void {
    const text = this.#props?.editor.view.dom;
    if (this.isOpen) {
      text?.setAttribute('aria-controls', 'elim-slash');
      text?.setAttribute('aria-activedescendant', `elim-slash-${this.chosen}`);
    } else {
      text?.removeAttribute('aria-controls');
      text?.removeAttribute('aria-activedescendant');
    }
  }
}
