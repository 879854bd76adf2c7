import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** What a secret is sealed for; each purpose has a key of its own that follows from the secret key. */
export type Purpose =
  | 'signing keys'
  | 'mail'
  | 'second factors'
  | 'sign-in state'
  | 'answers'
  | 'team keys'
  | 'token pair';

const keyFor = (secretKey: string, purpose: Purpose) =>
  Buffer.from(hkdfSync('sha256', secretKey, '', `kyozo ${purpose}`, 32));

/** AES-256-GCM: 12 bytes nonce, 16 bytes tag, ciphertext. */
export function seal(text: string, secretKey: string, purpose: Purpose): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyFor(secretKey, purpose), nonce);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), body]);
}

/** @throws Error when the secret key is another one, or the bytes were changed */
export function unseal(sealed: Buffer, secretKey: string, purpose: Purpose): string {
  try {
    const decipher = createDecipheriv(
      'aes-256-gcm',
      keyFor(secretKey, purpose),
      sealed.subarray(0, 12),
    );
    decipher.setAuthTag(sealed.subarray(12, 28));
    return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new Error('SECRET_KEY is not the one that this database was made with.', { cause });
  }
}
