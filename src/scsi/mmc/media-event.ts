/** MEDIA EVENT CODE of the media class of GET EVENT STATUS NOTIFICATION (MMC-6): what happened to a drive's medium. */
export const MEDIA_NO_CHANGE = 0x0;
/** Somebody wants the medium out and initiators prevent it. */
export const MEDIA_EJECT_REQUEST = 0x1;
export const MEDIA_NEW = 0x2;
export const MEDIA_REMOVAL = 0x3;
export type MediaEvent = typeof MEDIA_NO_CHANGE | typeof MEDIA_EJECT_REQUEST | typeof MEDIA_NEW | typeof MEDIA_REMOVAL;
