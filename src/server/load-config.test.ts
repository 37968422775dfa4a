import { expect, test } from 'vitest';
import type { MasterConfig } from './config.ts';
import { resolveMasterConfig, splitAddress } from './load-config.ts';

const valid: MasterConfig = {
  name: 'master-1',
  clusterId: 'c',
  memberId: 1,
  dataDir: 'data',
  members: [
    { id: 1, name: 'master-1', apiAddress: '10.0.0.1:1', grpcAddress: '10.0.0.1:2', raftAddress: '10.0.0.1:3' },
  ],
  tls: { caFile: 'ca.crt', certFile: '/abs/m.crt', keyFile: 'm.key' },
  serviceAccountKeyFile: 'sa.key',
  network: {
    podCidr: '10.128.0.0/16',
    nodeCidrMaskSize: 24,
    serviceCidr: '10.96.0.0/16',
    clusterDomain: 'cluster.local',
  },
};
const load = (change: Partial<MasterConfig>) => resolveMasterConfig({ ...valid, ...change }, '/etc/trimast', 'f.json');

test('relative paths are relative to the file', () => {
  expect(load({}).tls).toEqual({
    caFile: '/etc/trimast/ca.crt',
    certFile: '/abs/m.crt',
    keyFile: '/etc/trimast/m.key',
  });
});

test.each<[Partial<MasterConfig>, string]>([
  [{ memberId: 2 }, 'f.json: memberId is 2, which is not the id of any of the members'],
  [{ members: [...valid.members, ...valid.members] }, 'f.json: members[1].id 1 is taken by another member'],
  [
    { members: [{ ...valid.members[0]!, apiAddress: 'x' }] },
    'f.json: members[0].apiAddress must be HOST:PORT, but is "x"',
  ],
  [{ dataDir: '' }, 'f.json: dataDir must be a text that is not empty'],
])('what is wrong is named: %j', (change, message) => {
  expect(() => load(change)).toThrow(message);
});

test('splitAddress takes IPv4, names and bracketed IPv6', () => {
  expect(splitAddress('a.b:80')).toEqual({ host: 'a.b', port: 80 });
  expect(splitAddress('[fd00::1]:443')).toEqual({ host: 'fd00::1', port: 443 });
  expect(() => splitAddress('fd00::1:443')).toThrow('HOST:PORT');
});

test('parts that are not to run are named by their names', () => {
  expect(load({ disable: ['scheduler', 'garbage-collector'] }).disable).toEqual(['scheduler', 'garbage-collector']);
  expect(() => load({ disable: ['shceduler'] })).toThrow('f.json: disable names "shceduler", which is none of ');
});
