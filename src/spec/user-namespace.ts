/** A specification with a user namespace (OCI config-linux.md, "User namespace mappings"). */
import { isMapped } from './id-map-words.ts';
import type { IdMapping, Mount, Spec } from './spec.ts';

export interface IdMaps {
  readonly uid: readonly IdMapping[];
  readonly gid: readonly IdMapping[];
}

/** The same specification, when there are no maps. */
export function withUserNamespace(spec: Spec, { uid, gid }: IdMaps): Spec {
  if (uid.length === 0) return spec;
  return {
    ...spec,
    mounts: spec.mounts.map((mount) => withoutUnmappedGroup(mount, gid)),
    linux: {
      ...spec.linux,
      namespaces: [...spec.linux.namespaces, { type: 'user' }],
      uidMappings: uid,
      gidMappings: gid,
    },
  };
}

/** devpts(5) refuses a group that its user namespace does not have: terminals are their owner's group's then. */
function withoutUnmappedGroup(mount: Mount, gid: readonly IdMapping[]): Mount {
  if (mount.type !== 'devpts') return mount;
  return {
    ...mount,
    options: mount.options.filter((option) => {
      const [, group] = /^gid=(\d+)$/.exec(option) ?? [];
      return group === undefined || isMapped(gid, Number(group));
    }),
  };
}
