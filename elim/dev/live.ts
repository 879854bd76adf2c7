import { HocuspocusProvider } from '@hocuspocus/provider';

/** A live document on the collaboration server at `url`. */
export const live = (url: string): HocuspocusProvider =>
  new HocuspocusProvider({ url, name: 'page', token: 'dev' });
