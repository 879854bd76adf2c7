/** A page with one of everything. */
export const sample = `---
title: Handbook
---

# Shipping a release

Everyone on the team can ship. It takes **ten minutes**, needs *no permission*, and is \`safe to repeat\`. Read [the checklist](https://example.org/checklist) first, or ask in ~~the office~~ the channel; the numbers are in the table.[^1]

## Before you start

- Your branch is green
- Nobody else is shipping
  - look at the board
  - then say so

1. Pull
2. Build

- [x] Write the notes
- [ ] Tell support

> A release that surprises nobody is a good release.

\`\`\`sh {name=build dependsOn=setup}
# Build everything
npm run build -- --mode "production"
\`\`\`

\`\`\`typescript
export const greet = (name: string): string => \`Hello \${name}\`; // twice
\`\`\`

| Region | Servers | Cost |
|:-------|:-------:|-----:|
| Europe | 12 | 340 |
| *Asia* | 7 | 1,204 |

---

<details>
<summary>More</summary>
</details>

[^1]: Counted in March.
`;
