/** What a kernel has of what micro-VMs use, from its configuration. */

const options: Readonly<Record<string, string>> = {
  smp: 'SMP',
  overlay: 'OVERLAY_FS',
  erofs: 'EROFS_FS',
  virtiofs: 'VIRTIO_FS',
  '9p': '9P_FS',
  vsock: 'VIRTIO_VSOCKETS',
  balloon: 'VIRTIO_BALLOON',
  nftables: 'NF_TABLES',
  landlock: 'SECURITY_LANDLOCK',
};

/** @param config as `make oldconfig` writes it. @returns short words; `modules` for one that loads some of it. */
export function featuresOf(config: string): string[] {
  const lines = new Set(config.split('\n'));
  const has = (name: string) => lines.has(`CONFIG_${name}=y`) || lines.has(`CONFIG_${name}=m`);
  const found = Object.entries(options).filter(([, name]) => has(name));
  return [...found.map(([word]) => word), ...(has('MODULES') ? ['modules'] : [])];
}

/** From its first comment: `# Linux/x86 6.1.1 Kernel Configuration`. */
export function versionIn(config: string): string | undefined {
  return /^# Linux\/\S+ (\S+) Kernel Configuration$/m.exec(config)?.[1];
}
