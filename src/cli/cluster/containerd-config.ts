/** Configuration of one worker's own containerd (1.6 or newer), as TOML. */

export interface ContainerdConfigOptions {
  /** Images, containers, snapshots: kept. */
  readonly root: string;
  /** Sockets, mounts, running tasks: gone with a reboot. */
  readonly state: string;
  readonly socket: string;
  readonly cniConfDir: string;
  readonly cniBinDir: string;
  readonly sandboxImage: string;
  /** `<dir>/<registry host>/hosts.toml` says how to reach a registry. */
  readonly registryConfigDir: string;
}

export function renderContainerdConfig(options: ContainerdConfigOptions): string {
  const text = (value: string) => JSON.stringify(value);
  return `# Written by trimast at every start of this member.
version = 2
root = ${text(options.root)}
state = ${text(options.state)}
# Found on no machine of ours, or of no use to pods; each would only slow the start down.
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]

[grpc]
address = ${text(options.socket)}

[ttrpc]
address = ${text(`${options.socket}.ttrpc`)}

[plugins."io.containerd.internal.v1.opt"]
path = ${text(`${options.root}/opt`)}

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = ${text(options.sandboxImage)}
# Machines without CAP_SYS_RESOURCE cannot lower oom_score_adj; every sandbox would fail to start.
restrict_oom_score_adj = true
# Exec, attach and port-forward: every worker has a loopback interface of its own.
stream_server_address = "127.0.0.1"
stream_server_port = "0"
enable_unprivileged_ports = true
enable_unprivileged_icmp = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = ${text(options.cniBinDir)}
conf_dir = ${text(options.cniConfDir)}

[plugins."io.containerd.grpc.v1.cri".registry]
config_path = ${text(options.registryConfigDir)}

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
`;
}
