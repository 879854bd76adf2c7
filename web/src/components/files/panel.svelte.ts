/** Whether there is something for the panel of uploads to show: the queue itself loads with the first. */
export const panel = $state({ isOpen: false });
