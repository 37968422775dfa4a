import { describe, expect, it } from 'vitest';
import { resolveMasterConfig } from '../../server/load-config.ts';
import { renderContainerdConfig } from './containerd-config.ts';
import { ClusterPaths } from './paths.ts';
import { renderAgent, renderLoadBalancer, renderMaster } from './render-configs.ts';
import { type Member, planCluster } from './topology.ts';

const paths = new ClusterPaths('/srv/cluster');
const cluster = planCluster({
  hash: paths.hash,
  masters: 3,
  workers: 1,
  hollow: 5,
  runtime: 'containerd',
  occupied: [],
  nodeLifecycle: { evictionMs: 1000 },
});
const files = (name: string) => ({ caFile: '/pki/ca.crt', certFile: `/pki/${name}.crt`, keyFile: `/pki/${name}.key` });
const member = (name: string): Member => cluster.members.find((one) => one.name === name)!;

describe('renderMaster', () => {
  it('gives a configuration that a master accepts, with every master in it', () => {
    const config = renderMaster(cluster, member('master-2'), paths, files, '/pki/service-account.key');
    expect(resolveMasterConfig(config, '/srv/cluster/config', 'master-2.json')).toEqual(config);
    expect(config.memberId).toBe(2);
    expect(config.members.map((one) => one.raftAddress)).toEqual(
      ['master-1', 'master-2', 'master-3'].map((name) => `${member(name).address}:6445`),
    );
    expect(config.nodeLifecycle).toEqual({ evictionMs: 1000 });
  });
});

describe('renderAgent', () => {
  it('points a worker at its own containerd and at every master', () => {
    const config = renderAgent(cluster, member('worker-1'), paths, files);
    expect(config.runtime).toMatchObject({
      kind: 'containerd',
      socket: '/srv/cluster/run/worker-1/cri.sock',
      cgroupParent: `/trimast-${cluster.id}-worker-1`,
    });
    expect(config.masters).toHaveLength(3);
    expect(config.masters[0]).toBe(`${member('master-1').address}:6444`);
  });

  it('lets one process play many nodes, with a certificate for each', () => {
    const config = renderAgent(cluster, member('hollow'), paths, files);
    expect(config.runtime).toEqual({ kind: 'hollow', nodes: 5, certDir: '/pki' });
  });
});

describe('renderLoadBalancer', () => {
  it('listens in front of the masters', () => {
    const config = renderLoadBalancer(cluster, member('lb'), files);
    expect(config.listen).toBe(`${member('lb').address}:6443`);
    expect(config.backends.map((backend) => backend.name)).toEqual(['master-1', 'master-2', 'master-3']);
  });
});

describe('renderContainerdConfig', () => {
  it('keeps everything private to the worker, and survives quotes in a path', () => {
    const config = renderContainerdConfig({
      root: '/a "b"/root',
      state: '/a/state',
      socket: '/a/cri.sock',
      cniConfDir: '/a/cni',
      cniBinDir: '/usr/lib/cni',
      sandboxImage: 'pause',
      registryConfigDir: '/a/registries',
    });
    expect(config).toContain('root = "/a \\"b\\"/root"');
    expect(config).toContain('address = "/a/cri.sock"');
    expect(config).toContain('conf_dir = "/a/cni"');
    expect(config).toContain('restrict_oom_score_adj = true');
    expect(config).toContain('stream_server_address = "127.0.0.1"');
  });
});

describe('ClusterPaths', () => {
  it('keeps socket paths within what the kernel takes, however deep the folder lies', () => {
    for (const dir of ['/x', `/${'d'.repeat(70)}`, `/${'deep/'.repeat(60)}`]) {
      const socket = `${new ClusterPaths(dir).containerdSocket('worker-99')}.ttrpc`;
      expect(socket.length, socket).toBeLessThanOrEqual(107);
    }
  });

  it('takes two spellings of a folder for the same cluster', () => {
    expect(new ClusterPaths('/srv/other/../cluster').hash).toBe(paths.hash);
  });
});
