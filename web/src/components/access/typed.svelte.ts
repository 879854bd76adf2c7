import { pendingInvitation } from '../../stores/pending-invitation.svelte.ts';

/** The address somebody typed, kept while they go from one page of access to the other. */
class Typed {
  email = $state(pendingInvitation.email);
}

export const typed = new Typed();
