export const content =
  'float-in z-50 min-w-48 max-w-72 overflow-y-auto max-h-[70dvh] rounded-lg bg-raised p-1 text-sm shadow-float outline-none';
export const item =
  'flex h-8 items-center gap-2 rounded-md px-2 outline-none select-none data-highlighted:bg-hover data-disabled:pointer-events-none data-disabled:opacity-50 max-md:h-10 [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-muted';
export const dangerous = 'text-danger [&_svg]:text-danger';
