/**
 * Login and Text data segments: the pairs of the RFC's own example logins (RFC 7143 appendix A.1, A.2), and what initiators
 * in the field send, as a capture shows it.
 */
export interface TextVector {
  readonly name: string;
  /** Pairs with "|" for the zero byte. */
  readonly text: string;
  readonly pairs: readonly (readonly [string, string])[];
}

export const TEXT_VECTORS: readonly TextVector[] = [
  {
    name: 'leading login, first request (RFC 7143 A.2)',
    text: 'InitiatorName=iqn.1999-07.com.os:hostid.77|TargetName=iqn.1999-07.com.example:diskarray.sn.88|AuthMethod=KRB5,SRP,None|',
    pairs: [
      ['InitiatorName', 'iqn.1999-07.com.os:hostid.77'],
      ['TargetName', 'iqn.1999-07.com.example:diskarray.sn.88'],
      ['AuthMethod', 'KRB5,SRP,None'],
    ],
  },
  {
    name: 'SendTargets (RFC 7143 appendix C)',
    text: 'SendTargets=All|',
    pairs: [['SendTargets', 'All']],
  },
  {
    name: 'SendTargets in a normal session, an empty value (RFC 7143 appendix C)',
    text: 'SendTargets=|',
    pairs: [['SendTargets', '']],
  },
  {
    name: 'SendTargets response with repeated keys (RFC 7143 appendix C)',
    text:
      'TargetName=iqn.1993-11.com.example:diskarray.sn.8675309|TargetAddress=10.1.0.45:3000,1|' +
      'TargetAddress=[2001:db8:1:0:a:b:c:d]:3000,1|TargetName=iqn.1993-11.com.example:diskarray.sn.1234567|',
    pairs: [
      ['TargetName', 'iqn.1993-11.com.example:diskarray.sn.8675309'],
      ['TargetAddress', '10.1.0.45:3000,1'],
      ['TargetAddress', '[2001:db8:1:0:a:b:c:d]:3000,1'],
      ['TargetName', 'iqn.1993-11.com.example:diskarray.sn.1234567'],
    ],
  },
  {
    name: 'open-iscsi operational stage',
    text:
      'HeaderDigest=None|DataDigest=None|DefaultTime2Wait=2|DefaultTime2Retain=0|IFMarker=No|OFMarker=No|' +
      'ErrorRecoveryLevel=0|InitialR2T=No|ImmediateData=Yes|MaxBurstLength=16776192|FirstBurstLength=262144|' +
      'MaxOutstandingR2T=1|MaxConnections=1|DataPDUInOrder=Yes|DataSequenceInOrder=Yes|MaxRecvDataSegmentLength=262144|',
    pairs: [
      ['HeaderDigest', 'None'],
      ['DataDigest', 'None'],
      ['DefaultTime2Wait', '2'],
      ['DefaultTime2Retain', '0'],
      ['IFMarker', 'No'],
      ['OFMarker', 'No'],
      ['ErrorRecoveryLevel', '0'],
      ['InitialR2T', 'No'],
      ['ImmediateData', 'Yes'],
      ['MaxBurstLength', '16776192'],
      ['FirstBurstLength', '262144'],
      ['MaxOutstandingR2T', '1'],
      ['MaxConnections', '1'],
      ['DataPDUInOrder', 'Yes'],
      ['DataSequenceInOrder', 'Yes'],
      ['MaxRecvDataSegmentLength', '262144'],
    ],
  },
];

/** The bytes of a text written with "|" for zero bytes. */
export function textBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text.replaceAll('|', '\0'));
}
