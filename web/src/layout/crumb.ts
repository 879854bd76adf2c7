export type Crumb = { label: string; href?: string };
