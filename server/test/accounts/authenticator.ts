import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

type Options = { challenge: string; user?: { id: string } };
type Lies = { origin?: string; host?: string; counter?: number; verified?: boolean; type?: string };

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest();
const b64 = (data: Buffer) => data.toString('base64url');

/** An authenticator of its own, in software: ES256, attestation "none". It can be told to lie. */
export class Authenticator {
  readonly id = randomBytes(32);
  readonly #secret: KeyObject;
  readonly #public: { x: string; y: string };
  readonly #origin: string;
  userHandle: string | undefined;
  counter = 0;

  constructor(origin: string) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#secret = privateKey;
    this.#public = publicKey.export({ format: 'jwk' }) as { x: string; y: string };
    this.#origin = origin;
  }

  /** Answers `navigator.credentials.create(options)`. */
  create(options: Options, lies: Lies = {}) {
    this.userHandle = options.user!.id;
    const client = this.#client('webauthn.create', options.challenge, lies);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(this.id.length);
    const credential = Buffer.concat([Buffer.alloc(16), size, this.id, this.#coseKey()]);
    const data = this.#data(lies, 0x40, credential);
    const attestation = Buffer.concat([
      Buffer.from([0xa3]),
      ...[text('fmt'), text('none'), text('attStmt'), Buffer.from([0xa0])],
      ...[text('authData'), bytes(data)],
    ]);
    return {
      ...{ id: b64(this.id), rawId: b64(this.id), type: 'public-key' },
      clientExtensionResults: {},
      response: {
        clientDataJSON: b64(client),
        attestationObject: b64(attestation),
        transports: ['internal'],
      },
    };
  }

  /** Answers `navigator.credentials.get(options)`. */
  get(options: Options, lies: Lies = {}) {
    this.counter += 1;
    const client = this.#client('webauthn.get', options.challenge, lies);
    const data = this.#data(lies, 0, Buffer.alloc(0));
    const signature = sign('sha256', Buffer.concat([data, sha256(client)]), this.#secret);
    return {
      ...{ id: b64(this.id), rawId: b64(this.id), type: 'public-key' },
      clientExtensionResults: {},
      response: {
        clientDataJSON: b64(client),
        authenticatorData: b64(data),
        signature: b64(signature),
        userHandle: this.userHandle,
      },
    };
  }

  #client(type: string, challenge: string, lies: Lies): Buffer {
    const origin = lies.origin ?? this.#origin;
    return Buffer.from(
      JSON.stringify({ type: lies.type ?? type, challenge, origin, crossOrigin: false }),
    );
  }

  #data(lies: Lies, more: number, rest: Buffer): Buffer {
    const flags = 0x01 | (lies.verified === false ? 0 : 0x04) | more;
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(lies.counter ?? this.counter);
    const host = lies.host ?? new URL(this.#origin).hostname;
    return Buffer.concat([sha256(host), Buffer.from([flags]), counter, rest]);
  }

  #coseKey(): Buffer {
    const { x, y } = this.#public;
    return Buffer.concat([
      // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
      Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]),
      bytes(Buffer.from(x, 'base64url')),
      Buffer.from([0x22]),
      bytes(Buffer.from(y, 'base64url')),
    ]);
  }
}

/** CBOR (RFC 8949) of a short text and of bytes. */
const text = (value: string) => Buffer.from([0x60 + value.length, ...Buffer.from(value)]);
const bytes = (value: Buffer) =>
  Buffer.concat([
    value.length < 256
      ? Buffer.from([0x58, value.length])
      : Buffer.from([0x59, value.length >> 8, value.length & 255]),
    value,
  ]);
