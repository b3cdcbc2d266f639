/** One contract over every store. GOTGT_NATIVE=off runs the same suite without the addon. */
import { describeFileContract, describeForgetfulContract } from './backend-contract.ts';

describeForgetfulContract('null', { scheme: 'null' });
describeFileContract('file', { scheme: 'file' });
describeFileContract('iouring', { scheme: 'iouring' });
