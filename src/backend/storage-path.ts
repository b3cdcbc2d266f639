/**
 * Where a storage lies, as gotgt's configuration writes it: the scheme in the path ("iouring:/srv/a.img", "null:") or
 * beside it ("path": "/srv/a.img", "backendType": "iouring").
 */

/** What a plain path means when nothing else is said. */
export const SCHEME_DEFAULT = 'file';

// As in RFC 3986 3.1, but at least two letters.
const SCHEME_AND_PATH = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s;

export interface StoragePath {
  /** In lower case; whether there is such a store is the registry's to say. */
  readonly scheme: string;
  /** What stands behind the scheme; empty for a store that needs none. */
  readonly path: string;
}

/** A sentence for the operator; whoever read the configuration says where it stands. */
export interface StoragePathFault {
  readonly fault: string;
}

/**
 * @param path as configured
 * @param backendType as configured, null or empty when it is not
 */
export function parseStoragePath(path: string, backendType: string | null): StoragePath | StoragePathFault {
  const type = (backendType ?? '').trim().toLowerCase();
  const match = SCHEME_AND_PATH.exec(path);
  if (match === null) return checked(type === '' ? SCHEME_DEFAULT : type, path);
  const scheme = (match[1] as string).toLowerCase();
  if (type !== '' && type !== scheme) {
    return {
      fault: `path "${path}" says ${scheme}, backendType says ${type}: give one of the two, or the same in both`,
    };
  }
  return checked(scheme, match[2] as string);
}

function checked(scheme: string, path: string): StoragePath | StoragePathFault {
  if (path.includes('\0')) return { fault: 'a path has no NUL in it' };
  if (path === '' && scheme !== 'null') {
    return { fault: `a ${scheme} storage needs a path, for example "${scheme}:/var/lib/disk.img"` };
  }
  // file:///x is how a URL writes file:/x.
  return { scheme, path: path.replace(/^\/{2,}/, '/') };
}
