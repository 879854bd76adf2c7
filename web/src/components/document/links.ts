import type { Links, ShadcnEditorProps } from 'elim';
import { navigate, p } from '../../router.ts';
import type { FileRecord } from '../../types/records.ts';
import { targetOf } from './addresses.ts';
import { goToAnchor } from './outline.ts';

type Editor = NonNullable<ShadcnEditorProps['editor']>;

/**
 * Links in a document mean what they mean on GitHub: an address without a scheme is a path beside the
 * document, with a slash first one from the top of the workspace, and `#name` is a heading.
 */
export function linksOf(file: FileRecord, editor: () => Editor | undefined): Links {
  const workspaceId = file.workspace?.id ?? '';
  const own = p('/files/:fileId', { params: { fileId: file.id } });

  const resolve = (address: string): string => {
    if (isElsewhere(address)) return address;
    const found = targetOf(file.path, address);
    if (!found) return address;
    const { path, hash } = found;
    if (path === file.path) return own + hash;
    return p('/workspaces/:workspaceId/at', { params: { workspaceId }, search: { path } }) + hash;
  };
  const open = (address: string, inNewTab: boolean): void => {
    const target = resolve(address);
    if (!URL.canParse(target, location.origin)) return;
    if (inNewTab || isElsewhere(address)) {
      window.open(target, '_blank', 'noopener,noreferrer');
      return;
    }
    const url = new URL(target, location.origin);
    const shown = editor();
    if (url.pathname === own && shown) {
      history.replaceState(history.state, '', target);
      goToAnchor(shown, url.hash);
    } else {
      const search = Object.fromEntries(url.searchParams);
      void navigate(url.pathname as '/', { search, hash: url.hash });
    }
  };
  return { resolve, open };
}

/** With a scheme, or a host after two slashes. */
const isElsewhere = (address: string): boolean => /^(?:[a-z][a-z0-9+.-]*:|\/\/)/iu.test(address);
