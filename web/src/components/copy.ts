import { messages } from '../messages.ts';
import { tell, tellError } from '../ui/toast/index.ts';

/** Puts text on the clipboard and says so. */
export async function copyText(text: string, done: string = messages.common.copied): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(done);
  } catch (error) {
    tellError(messages.common.copy, error);
  }
}
