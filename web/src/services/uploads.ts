import type { DetailedError, HttpRequest, Upload } from 'tus-js-client';
import { send as ask, relative, scope } from './client.ts';
import { ApiError, OfflineError } from './errors.ts';
import { tokens } from './tokens.ts';

export type UploadOrder = {
  workspaceId: string;
  /** `import` unpacks a zip where it would lie. */
  purpose: 'file' | 'import';
  path: string;
  file: File;
  /** Where an earlier visit had begun it. */
  url?: string | undefined;
  /** Bytes that the server has. */
  onProgress: (sent: number) => void;
  /** The server does not answer; it is asked again. */
  onWaiting: () => void;
  /** Where it can go on from now on; not told for what is sent in one request. */
  onAddress: (url: string) => void;
};
export type Sending = {
  /** The id of what it became: a file, or a transfer. @throws ApiError, OfflineError */
  readonly result: Promise<string>;
  /** Stops without losing what the server has. */
  stop(): void;
};

/** What is smaller goes in the request that begins it: one request for each of a thousand files. */
const smallest = 2 ** 20;
/** Bytes of a request, each of which carries a token that is good then. */
const piece = 64 * 2 ** 20;
/** Milliseconds between attempts; begun anew as soon as something has come through. */
const delays = [500, 1000, 2000, 4000, 8000, ...Array<number>(20).fill(15_000)];

/** Sends a file by tus, which is loaded with the first. */
export async function send(order: UploadOrder): Promise<Sending> {
  const tus = await import('tus-js-client');
  const { promise: result, resolve, reject } = Promise.withResolvers<string>();
  const isSmall = order.file.size <= smallest && !order.url;
  const { teamId } = scope;
  const upload: Upload = new tus.Upload(order.file, {
    endpoint: '/api/v1/uploads',
    uploadUrl: order.url ?? null,
    metadata: {
      workspaceId: order.workspaceId,
      purpose: order.purpose,
      path: order.path,
      ...(order.file.type && { contentType: order.file.type }),
    },
    chunkSize: piece,
    uploadDataDuringCreation: isSmall,
    // What can go on is kept by the queue, with who sends it and into which team.
    storeFingerprintForResuming: false,
    retryDelays: delays,
    onBeforeRequest: (request) => authorise(request, teamId),
    onShouldRetry: (error) => {
      const again = isWorthAnother(error);
      if (again) order.onWaiting();
      return again;
    },
    onUploadUrlAvailable: () => {
      if (!isSmall && upload.url) order.onAddress(upload.url);
    },
    onProgress: order.onProgress,
    onSuccess: ({ lastResponse }) =>
      resolve(lastResponse.getHeader('Upload-Result')?.split('/').at(-1) ?? ''),
    onError: (error) => reject(readable(error)),
  });
  upload.start();
  return { result, stop: () => void upload.abort() };
}

/** Ends an upload on the server; one that it cannot be told about is forgotten there after a day. */
export async function endUpload(url: string): Promise<void> {
  const headers = { 'tus-resumable': '1.0.0' };
  await ask(relative(url), { method: 'DELETE', headers }).catch(() => undefined);
}

/** A token that is good for now goes with each request, however long the whole takes. */
async function authorise(request: HttpRequest, teamId: string | null): Promise<void> {
  const token = await tokens.fresh();
  if (token) request.setHeader('Authorization', `Bearer ${token}`);
  if (teamId) request.setHeader('Kyozo-Team', teamId);
}

/** A failure that may pass: no answer, a busy or broken server, a token that has just ended. */
function isWorthAnother({ originalResponse }: DetailedError): boolean {
  if (!originalResponse) return true;
  const status = originalResponse.getStatus();
  // An upload that is behind or ahead of us says where it goes on; any other conflict stands.
  if (status === 409) return originalResponse.getHeader('Upload-Offset') !== undefined;
  if (status === 401) return tokens.isKept;
  return status === 423 || status === 429 || status >= 500;
}

function readable(error: Error | DetailedError): Error {
  if (!('originalResponse' in error)) return error;
  const { originalResponse: response, causingError } = error;
  if (!response) return causingError instanceof ApiError ? causingError : new OfflineError(error);
  let errors = [];
  try {
    errors = JSON.parse(response.getBody()).errors ?? [];
  } catch {
    // Something between us and the server has answered in its own way.
  }
  return new ApiError(response.getStatus(), errors);
}
