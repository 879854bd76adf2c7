import { schema } from '@kyozo/markdown';
import * as Y from 'yjs';
import { field } from './document-text.ts';
import {
  BadUpdate,
  type Id,
  type Item,
  type Update,
  xmlElement,
  xmlText,
} from './update-reader.ts';

/** Elements in elements. A file is at most some forty deep; browsers overflow in the thousands. */
const mostDepth = 100;
const longestKey = 100;

/**
 * Where an item stands: under a root, in an element or in a text, so deep, and as which attribute; or in
 * what others have removed meanwhile, with which it goes.
 */
type Place = { in: 'root' | 'element' | 'text' | 'gone'; depth: number; key: string | undefined };
const gone: Place = { in: 'gone', depth: 0, key: undefined };

/**
 * Refuses what no editor writes and no file can hold, before it is applied: unknown elements and marks,
 * embedded objects, text outside of texts, thousands of quotes in each other. Other people's editors
 * would fail at it or take out the text that stands in it.
 * @throws BadUpdate
 */
export function checkUpdate(document: Y.Doc, update: Update): void {
  const places = new Places(document, update.items);
  for (const item of update.items) checkItem(item, places.of(item));
}

function checkItem(item: Item, place: Place | undefined): void {
  const { content } = item;
  if (content.kind === 'deleted' || content.kind === 'gone') return;
  if (content.kind === 'format') checkMark(content.mark, content.value);
  if (content.kind === 'type') checkType(content.type, content.name);
  if (content.kind === 'text' || content.kind === 'format') {
    if (place?.in === 'element' || place?.key !== undefined)
      throw new BadUpdate('Text outside of a text.');
    return;
  }
  // An editor's first words may come before what they follow; more than words waits for its place.
  if (!place) throw new BadUpdate('A part comes before its place.');
  if (place.in === 'gone') return;
  if (content.kind === 'type' && (place.key !== undefined || place.in === 'text'))
    throw new BadUpdate('An element where none can be.');
  if (content.kind === 'type' && place.depth >= mostDepth) throw new BadUpdate('Too deep.');
  if (content.kind === 'values' && (place.key === undefined || place.key.length > longestKey))
    throw new BadUpdate('A value that is no attribute.');
}

function checkMark(mark: string, value: unknown): void {
  const isKnown = Object.hasOwn(schema.marks, mark.replace(/--.*$/s, ''));
  const isPlain = value === null || (typeof value === 'object' && !Array.isArray(value));
  if (!isKnown || !isPlain) throw new BadUpdate('An unknown mark.');
}

function checkType(type: number, name: string | undefined): void {
  const isNode = name !== undefined && name !== 'doc' && Object.hasOwn(schema.nodes, name);
  if (type !== xmlText && !(type === xmlElement && isNode && name !== 'text'))
    throw new BadUpdate('An unknown element.');
}

/** Finds where items stand: by what they say, by their neighbours, in the update or in the document. */
class Places {
  readonly #document: Y.Doc;
  readonly #known = new Map<Item, Place | undefined>();
  readonly #items = new Map<number, Item[]>();

  constructor(document: Y.Doc, items: readonly Item[]) {
    this.#document = document;
    for (const item of items) {
      const list = this.#items.get(item.client);
      if (list) list.push(item);
      else this.#items.set(item.client, [item]);
    }
    for (const list of this.#items.values()) list.sort((a, b) => a.clock - b.clock);
  }

  /** Undefined where the answer is in neither, or was removed. */
  of(item: Item): Place | undefined {
    // Neighbours of neighbours may be thousands: no recursion, and each is asked once.
    const chain: Item[] = [];
    const seen = new Set<Item>();
    let place: Place | undefined;
    for (let next: Item | undefined = item; next; ) {
      if (this.#known.has(next) || seen.has(next)) {
        place = this.#known.get(next);
        break;
      }
      chain.push(next);
      seen.add(next);
      if (next.content.kind === 'gone') {
        place = gone;
        break;
      }
      const beside: Id | undefined = next.left ?? next.right;
      const found: Item | undefined = beside && this.#find(beside);
      if (!found) {
        place = beside ? this.#stored(beside) : this.#below(next);
        break;
      }
      next = found;
    }
    for (const one of chain) this.#known.set(one, place);
    return place;
  }

  #find({ client, clock }: Id): Item | undefined {
    const list = this.#items.get(client) ?? [];
    let [low, high] = [0, list.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const item = list[middle]!;
      if (clock < item.clock) high = middle - 1;
      else if (clock >= item.clock + item.length) low = middle + 1;
      else return item;
    }
    return undefined;
  }

  /** Directly below its parent. */
  #below({ parent, key }: Item): Place | undefined {
    if (parent === undefined) return undefined;
    if (typeof parent === 'string')
      return { in: parent === field ? 'element' : 'root', depth: 0, key };
    const item = this.#find(parent);
    if (!item) {
      const stored = this.#storedItem(parent);
      const type = stored instanceof Y.Item ? stored.content : undefined;
      return type instanceof Y.ContentType ? this.#in(type.type, key) : stored && gone;
    }
    if (item.content.kind === 'gone' || item.content.kind === 'deleted') return gone;
    if (item.content.kind !== 'type') throw new BadUpdate('A parent that is none.');
    const place = this.of(item);
    if (!place || place.in === 'gone') return place;
    return { in: item.content.type === xmlText ? 'text' : 'element', depth: place.depth + 1, key };
  }

  /** Beside an item of the document. */
  #stored(id: Id): Place | undefined {
    const item = this.#storedItem(id);
    return item instanceof Y.Item && item.parent instanceof Y.AbstractType
      ? this.#in(item.parent, item.parentSub ?? undefined)
      : item && gone;
  }

  #storedItem({ client, clock }: Id): Y.Item | Y.GC | undefined {
    const structs = this.#document.store.clients.get(client);
    if (!structs || clock >= Y.getState(this.#document.store, client)) return undefined;
    return structs[Y.findIndexSS(structs, clock)];
  }

  #in(type: Y.AbstractType<unknown>, key: string | undefined): Place {
    let depth = 0;
    for (let item = type._item; item && depth <= mostDepth; depth++)
      item = (item.parent as Y.AbstractType<unknown>)._item;
    const isText = type instanceof Y.XmlText || type instanceof Y.Text;
    const isRoot = depth === 0 && type !== this.#document.share.get(field);
    return { in: isRoot ? 'root' : isText ? 'text' : 'element', depth, key };
  }
}
