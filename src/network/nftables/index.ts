export { createNftCommand, type NftCommand } from './nft-command.ts';
export { Nftables, type NftablesOptions } from './nftables.ts';
export { renderTable } from './render.ts';
export type { Chain, Family, Hook, NftSet, Table } from './types.ts';
