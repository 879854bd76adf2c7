import Archives from '@lucide/svelte/icons/arrow-down-up';
import Bell from '@lucide/svelte/icons/bell';
import Home from '@lucide/svelte/icons/house';
import Boxes from '@lucide/svelte/icons/layers';
import Settings from '@lucide/svelte/icons/settings';
import Notebook from '@lucide/svelte/icons/square-terminal';
import Trash from '@lucide/svelte/icons/trash-2';
import { messages } from '../messages.ts';

/** The places that the sidebar and the palette lead to. */
export const places = [
  { href: '/', label: messages.nav.home, icon: Home },
  { href: '/notifications', label: messages.nav.notifications, icon: Bell },
  { href: '/notebooks', label: messages.nav.notebooks, icon: Notebook },
  { href: '/workspaces', label: messages.nav.workspaces, icon: Boxes },
  { href: '/trash', label: messages.nav.trash, icon: Trash },
  { href: '/settings', label: messages.nav.settings, icon: Settings },
] as const;

/** Places that are looked for now and then: the palette leads there. */
export const rarePlaces = [
  { href: '/transfers', label: messages.transfers.title, icon: Archives },
] as const;

/** Whether a link leads to where someone is now. */
export function isHere(href: string, pathname: string): boolean {
  return href === '/settings' ? pathname.startsWith(href) : pathname === href;
}
