import type { Spawner } from '../spawn/spawner.ts';
import { openProcessRuntime } from './process/process-runtime.ts';
import { type Runtime, RuntimeUnavailable } from './runtime.ts';
import { openWasmRuntime } from './wasm/wasm-runtime.ts';

/**
 * The strongest runtime that really starts here: `process` where bubblewrap works, else `wasm`.
 * Never one without a sandbox. Errors: RuntimeUnavailable.
 */
export async function chooseRuntime(options: {
  spawner: Spawner;
  /** The path of bubblewrap; undefined where there is none. */
  bwrap: string | undefined;
  /** Called with the reason when bubblewrap is there and does not start. */
  onFallback: (reason: RuntimeUnavailable) => void;
}): Promise<Runtime> {
  const { spawner, bwrap, onFallback } = options;
  if (bwrap === undefined) return openWasmRuntime(spawner);
  try {
    return await openProcessRuntime(spawner, bwrap);
  } catch (error) {
    if (!(error instanceof RuntimeUnavailable)) throw error;
    onFallback(error);
    return openWasmRuntime(spawner);
  }
}
