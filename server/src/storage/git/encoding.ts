/** Names that iconv knows and the Encoding Standard does not. */
const ICONV_NAMES = new Map([
  ['cp932', 'shift_jis'],
  ['eucjp', 'euc-jp'],
  ['ujis', 'euc-jp'],
  ['euccn', 'gbk'],
  ['cp936', 'gbk'],
  ['euckr', 'euc-kr'],
  ['cp949', 'euc-kr'],
  ['uhc', 'euc-kr'],
  ['cp950', 'big5'],
  ['bigfive', 'big5'],
  ['latin9', 'iso-8859-15'],
  ['koi8r', 'koi8-r'],
  ['koi8u', 'koi8-u'],
  ['tis620', 'windows-874'],
]);

/**
 * The text of bytes in an encoding by its name. An unknown encoding is read as UTF-8, and so is UTF-16,
 * which no commit can be in; bytes that are no text become replacement characters.
 */
export function decodeText(bytes: Uint8Array, encoding = 'utf-8'): string {
  return decoderOf(encoding).decode(bytes);
}

function decoderOf(encoding: string): TextDecoder {
  const plain = encoding.trim().toLowerCase();
  const compact = plain.replace(/[^a-z0-9]/g, '');
  const spelt = compact.replace(/^(windows|win)(?=\d)/, 'windows-').replace(/^latin0$/, 'latin9');
  for (const label of [plain, ICONV_NAMES.get(spelt) ?? spelt, numbered(compact)]) {
    try {
      const decoder = new TextDecoder(label);
      if (!decoder.encoding.startsWith('utf-16')) return decoder;
    } catch {
      // The next spelling, or UTF-8.
    }
  }
  return new TextDecoder();
}

/** `ISO885915` and `ISO_8859_15` as `iso-8859-15`. */
const numbered = (compact: string): string => compact.replace(/^iso8859(\d+)$/, 'iso-8859-$1');
