/** One contract over every store. GOTGT_NATIVE=off runs the same suite without the addon. */
import { describeFileContract, describeForgetfulContract } from './backend-contract.ts';

describeForgetfulContract('null', { scheme: 'null' });
describeFileContract('file', { scheme: 'file' });
// tmpfs has no zero range: zeros are written there.
describeFileContract('file on tmpfs', { scheme: 'file', parentFolder: '/dev/shm' });
describeFileContract('iouring', { scheme: 'iouring' });
