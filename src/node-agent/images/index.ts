export { BUSYBOX_IMAGE, buildBaseImages, buildImage, type ImageConfig, PAUSE_IMAGE } from './build-image.ts';
export { importImage } from './import-image.ts';
