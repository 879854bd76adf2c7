import { messages } from '../../messages.ts';
import { navigate } from '../../router.ts';
import { ApiError, readableError } from '../../services/errors.ts';
import { invitations } from '../../services/invitations.ts';
import { session } from '../../services/session.svelte.ts';
import { pendingInvitation } from '../../stores/pending-invitation.svelte.ts';
import type { InvitationPreview } from '../../types/records.ts';
import { tell } from '../../ui/toast/index.ts';
import { typed } from './typed.svelte.ts';

type State = 'loading' | 'shown' | 'joining' | 'dead' | 'member' | 'failed';

/** An invitation from the link to the membership, whoever is signed in. */
export class OpenInvitation {
  state: State = $state('loading');
  preview: InvitationPreview | null = $state.raw(null);
  problem = $state('');

  /** Whether somebody else than the invited person is signed in. */
  readonly isForOther: boolean = $derived(
    session.status === 'signed-in' &&
      this.preview !== null &&
      this.preview.email.toLowerCase() !== session.user?.email.toLowerCase(),
  );

  /** Shows where the token leads; whoever wanted it before signing in is in without another click. */
  async open(token: string): Promise<void> {
    this.state = 'loading';
    if (token) pendingInvitation.open(token);
    if (!pendingInvitation.token) {
      this.state = 'dead';
      return;
    }
    try {
      this.preview = await invitations.preview(pendingInvitation.token);
      this.state = 'shown';
      if (pendingInvitation.isWanted && session.status === 'signed-in' && !this.isForOther) {
        await this.accept();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  async accept(): Promise<void> {
    this.state = 'joining';
    try {
      const { team } = await invitations.accept(pendingInvitation.token);
      const name = this.preview?.team ?? '';
      pendingInvitation.clear();
      await session.reload();
      if (team) session.chooseTeam(team.id);
      await navigate('/', { replace: true });
      tell(messages.invitation.joined(name));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Remembers that it is wanted, and goes to where an account is opened or made. */
  async enter(path: '/sign-in' | '/sign-up'): Promise<void> {
    const { email, team } = this.preview!;
    pendingInvitation.want(pendingInvitation.token, email, team);
    typed.email = email;
    if (session.status === 'signed-in') await session.signOut();
    await navigate(path);
  }

  async decline(): Promise<void> {
    pendingInvitation.clear();
    await navigate('/');
  }

  #fail(error: unknown): void {
    const status = error instanceof ApiError ? error.status : 0;
    this.state = status === 404 ? 'dead' : status === 409 ? 'member' : 'failed';
    this.problem = readableError(error);
    if (this.state !== 'failed') pendingInvitation.clear();
  }
}
