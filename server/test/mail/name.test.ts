import { describe, expect, test } from 'vitest';
import { invitationMail } from '../../src/accounts/invitation-mail.ts';
import { digestMail, notificationMail } from '../../src/accounts/notification-mail.ts';
import { htmlOf, textOf } from '../../src/mail/mail.ts';
import { nameInMail } from '../../src/mail/name.ts';

describe('B4 names in mails are quoted, shortened and never linked', () => {
  test.each<[string, string]>([
    ['Crew', '"Crew"'],
    ['St. Mary’s Choir', '"St. Mary’s Choir"'],
    ['pay at http://evil.example/now', '"pay at http evil example now"'],
    ['www.evil.example', '"www evil example"'],
    ['evil．example', '"evil example"'],
    ['evil。example', '"evil example"'],
    ['write to pay@evil.example', '"write to pay evil example"'],
    ['mailto:pay@evil.example', '"mailto pay evil example"'],
    ['//evil.example', '"evil example"'],
    ['a" onclick="b', `"a' onclick='b"`],
    ['two\r\nBcc: lines', '"two Bcc: lines"'],
    ['gnp.\u202eexe', '"gnp. exe"'],
    ['evil.\u200bexample', '"evil. example"'],
    ['x'.repeat(200), `"${'x'.repeat(59)}…"`],
    ['🐎'.repeat(100), `"${'🐎'.repeat(59)}…"`],
  ])('%j', (name, shown) => {
    expect(nameInMail(name)).toBe(shown);
  });

  test('in every kind of mail that carries what people wrote, in text, HTML and subject', () => {
    const evil = 'pay at http://evil.example/\r\nBcc: x@evil.example';
    const data = {
      team: evil,
      inviter: evil,
      person: evil,
      role: 'member',
      damaged: 1,
      missing: 0,
    };
    const at = new Date();
    const kinds = [
      'invitation.received',
      'invitation.accepted',
      'membership.role-changed',
      'membership.removed',
      'team.deleted',
      'storage.damaged',
    ];
    const told = kinds.map((kind) => ({ kind, data, at }));
    const mails = [
      invitationMail({
        to: 'a@b.example',
        role: 'member',
        team: evil,
        inviter: evil,
        url: 'http://here/',
      }),
      ...told.map((it) => notificationMail('a@b.example', it, 'http://here')),
      digestMail('a@b.example', told, 'http://here'),
    ];
    for (const mail of mails)
      for (const text of [mail.subject, textOf(mail), htmlOf(mail)]) {
        expect(text).not.toMatch(/evil\.example|http:\/\/evil/);
        expect(text).not.toMatch(/^Bcc/m);
      }
  });
});
