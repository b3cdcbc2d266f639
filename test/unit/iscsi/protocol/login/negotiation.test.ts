/** Text negotiation as the responder (RFC 7143 6.2): each kind of key, its refusals, and what is settled at the end. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TextPair } from '../../../../../src/iscsi/codec/text.ts';
import { KEYS, type KeyName, keyDefinition } from '../../../../../src/iscsi/protocol/login/keys.ts';
import { Negotiation, type NegotiationPhase } from '../../../../../src/iscsi/protocol/login/negotiation.ts';
import {
  CONNECTION_PARAMETERS_DEFAULT,
  type NegotiationOffers,
  OFFERS_DEFAULT,
  SESSION_PARAMETERS_DEFAULT,
} from '../../../../../src/iscsi/protocol/login/parameters.ts';
import { seededRandom } from '../../../../random.ts';
import { TEXT_VECTORS } from '../../../../vectors/iscsi/texts.ts';

const { seed } = seededRandom();

function negotiation(offers: Partial<NegotiationOffers> = {}, isLeading = true): Negotiation {
  return new Negotiation({ ...OFFERS_DEFAULT, ...offers }, isLeading);
}

/** Pairs from "A=1 B=2". */
function pairs(text: string): TextPair[] {
  return text.split(' ').map((pair) => {
    const equals = pair.indexOf('=');
    return { key: pair.slice(0, equals), value: pair.slice(equals + 1) };
  });
}

/** The answers to `text` as "A=1 B=2", or "renegotiated A". */
function ask(machine: Negotiation, text: string, phase: NegotiationPhase = 'operational'): string {
  const { renegotiatedKey, answers } = machine.respond(pairs(text), phase);
  if (renegotiatedKey !== null) return `renegotiated ${renegotiatedKey}`;
  return answers.map(({ key, value }) => `${key}=${value}`).join(' ');
}

function answer(text: string, offers: Partial<NegotiationOffers> = {}): string {
  return ask(negotiation(offers), text);
}

describe('before anything is negotiated', () => {
  it('the defaults of the RFC hold', () => {
    expect(negotiation().sessionParameters()).toEqual(SESSION_PARAMETERS_DEFAULT);
    expect(negotiation().connectionParameters()).toEqual(CONNECTION_PARAMETERS_DEFAULT);
    expect(SESSION_PARAMETERS_DEFAULT).toEqual({
      sessionType: 'Normal',
      maxConnections: 1,
      initialR2T: true,
      immediateData: true,
      maxBurstLength: 262144,
      firstBurstLength: 65536,
      defaultTime2Wait: 2,
      defaultTime2Retain: 20,
      maxOutstandingR2T: 1,
      dataPDUInOrder: true,
      dataSequenceInOrder: true,
      errorRecoveryLevel: 0,
      taskReporting: 'RFC3720',
      iSCSIProtocolLevel: 1,
    });
    expect(CONNECTION_PARAMETERS_DEFAULT).toEqual({
      hasHeaderDigest: false,
      hasDataDigest: false,
      maxRecvDataSegmentLength: 8192,
      peerMaxRecvDataSegmentLength: 8192,
    });
  });
});

describe('the operational keys of open-iscsi', () => {
  const { text } = TEXT_VECTORS.find(({ name }) => name.startsWith('open-iscsi')) as { text: string };
  const machine = negotiation();
  const answers = ask(machine, text.slice(0, -1).replaceAll('|', ' '));

  it('are all answered, in their order, but for the declaration', () => {
    expect(answers).toBe(
      'HeaderDigest=None DataDigest=None DefaultTime2Wait=2 DefaultTime2Retain=0 IFMarker=No OFMarker=No ' +
        'ErrorRecoveryLevel=0 InitialR2T=No ImmediateData=Yes MaxBurstLength=1048576 FirstBurstLength=262144 ' +
        'MaxOutstandingR2T=1 MaxConnections=1 DataPDUInOrder=Yes DataSequenceInOrder=Yes',
    );
  });

  it('settle the session', () => {
    expect(machine.sessionParameters()).toMatchObject({
      initialR2T: false,
      immediateData: true,
      maxBurstLength: 1048576,
      firstBurstLength: 262144,
      defaultTime2Retain: 0,
      maxOutstandingR2T: 1,
    });
    expect(machine.connectionParameters().peerMaxRecvDataSegmentLength).toBe(262144);
  });
});

describe('a number', () => {
  it('is settled as the smaller of both', () => {
    expect(answer('MaxOutstandingR2T=8')).toBe('MaxOutstandingR2T=4');
    expect(answer('MaxOutstandingR2T=3')).toBe('MaxOutstandingR2T=3');
    expect(answer('MaxBurstLength=0x1000')).toBe('MaxBurstLength=4096');
  });

  it('is settled as the larger of both for DefaultTime2Wait', () => {
    expect(answer('DefaultTime2Wait=0')).toBe('DefaultTime2Wait=2');
    expect(answer('DefaultTime2Wait=5')).toBe('DefaultTime2Wait=5');
  });

  const numbers = (Object.keys(KEYS) as KeyName[]).flatMap((name) => {
    const key = keyDefinition(name);
    return key.form === 'number'
      ? [{ name, low: key.low, high: key.high, isDeclared: key.negotiation === 'declare' }]
      : [];
  });

  it.each(numbers)('of $name is refused outside $low to $high, and the default stays', ({ name, low, high }) => {
    const outside = [String(high + 1), 'x', '', '1,2', `${low}~${high}`, '-1', '99999999999999999999'];
    for (const value of low > 0 ? [String(low - 1), ...outside] : outside) {
      const machine = negotiation();
      expect(ask(machine, `${name}=${value}`)).toBe(`${name}=Reject`);
      expect(machine.sessionParameters()).toEqual(SESSION_PARAMETERS_DEFAULT);
      expect(machine.connectionParameters()).toEqual(CONNECTION_PARAMETERS_DEFAULT);
    }
  });

  it.each(numbers)('of $name is taken at both ends of its range', ({ name, low, high, isDeclared }) => {
    for (const value of [low, high]) {
      const reply = answer(`${name}=${value}`);
      if (isDeclared) expect(reply).toBe('');
      else expect(reply).toMatch(new RegExp(`^${name}=[0-9]+$`));
    }
  });
});

describe('a boolean', () => {
  it.each([
    ['ImmediateData', true, 'Yes', 'Yes'],
    ['ImmediateData', true, 'No', 'No'],
    ['ImmediateData', false, 'Yes', 'No'],
    ['ImmediateData', false, 'No', 'No'],
    ['InitialR2T', true, 'Yes', 'Yes'],
    ['InitialR2T', true, 'No', 'Yes'],
    ['InitialR2T', false, 'Yes', 'Yes'],
    ['InitialR2T', false, 'No', 'No'],
    ['DataPDUInOrder', false, 'No', 'No'],
    ['DataPDUInOrder', true, 'No', 'Yes'],
    ['DataSequenceInOrder', false, 'No', 'No'],
    ['DataSequenceInOrder', true, 'No', 'Yes'],
  ])('%s: we offer %s, %s comes, the result is %s', (name, ours, theirs, result) => {
    expect(answer(`${name}=${theirs}`, { [name]: ours })).toBe(`${name}=${result}`);
  });

  it.each(['yes', 'true', '', '1', 'Yes,No'])('is not %j', (value) => {
    expect(answer(`InitialR2T=${value}`)).toBe('InitialR2T=Reject');
  });
});

describe('a list', () => {
  it('is settled by the first of the initiator that we support', () => {
    expect(answer('HeaderDigest=None,CRC32C')).toBe('HeaderDigest=None');
    expect(answer('HeaderDigest=CRC32C,None')).toBe('HeaderDigest=CRC32C');
    expect(answer('HeaderDigest=X-md5,CRC32C')).toBe('HeaderDigest=CRC32C');
    expect(answer('HeaderDigest=CRC32C,None', { HeaderDigest: ['None'] })).toBe('HeaderDigest=None');
    expect(answer('TaskReporting=FastAbort,RFC3720')).toBe('TaskReporting=RFC3720');
    expect(answer('TaskReporting=FastAbort,ResponseFence,RFC3720')).toBe('TaskReporting=ResponseFence');
  });

  it('without one that we support is refused, and the default stays', () => {
    const machine = negotiation({ DataDigest: ['CRC32C'] });
    expect(ask(machine, 'DataDigest=None')).toBe('DataDigest=Reject');
    expect(ask(machine, 'HeaderDigest=,')).toBe('HeaderDigest=Reject');
    expect(machine.connectionParameters()).toMatchObject({ hasHeaderDigest: false, hasDataDigest: false });
  });

  it('settles each digest by itself', () => {
    const machine = negotiation();
    expect(ask(machine, 'DataDigest=CRC32C HeaderDigest=None')).toBe('DataDigest=CRC32C HeaderDigest=None');
    expect(machine.connectionParameters()).toMatchObject({ hasHeaderDigest: false, hasDataDigest: true });
  });
});

describe('a key', () => {
  it('that nobody knows is not understood', () => {
    expect(answer('X-com.example.speed=9 X#Foo=1 Foo=1 toString=1')).toBe(
      'X-com.example.speed=NotUnderstood X#Foo=NotUnderstood Foo=NotUnderstood toString=NotUnderstood',
    );
  });

  it('of RFC 3720 that is gone is answered as 13.25 says', () => {
    expect(answer('OFMarker=Yes IFMarker=No OFMarkInt=1~2 IFMarkInt=2048')).toBe(
      'OFMarker=No IFMarker=No OFMarkInt=Reject IFMarkInt=Reject',
    );
  });

  it('that is an answer of the initiator is not answered', () => {
    expect(
      answer('TargetAlias=NotUnderstood Foo=NotUnderstood MaxBurstLength=Reject FirstBurstLength=Irrelevant'),
    ).toBe('');
  });

  it('may not be negotiated twice in one login', () => {
    const machine = negotiation();
    expect(ask(machine, 'MaxBurstLength=65536')).toBe('MaxBurstLength=65536');
    expect(ask(machine, 'ImmediateData=Yes MaxBurstLength=65536')).toBe('renegotiated MaxBurstLength');
    expect(answer('InitialR2T=Yes InitialR2T=Yes')).toBe('renegotiated InitialR2T');
    expect(answer('InitialR2T=x InitialR2T=Yes')).toBe('renegotiated InitialR2T');
  });

  it('that only a target may send is refused', () => {
    expect(answer('TargetAlias=a TargetPortalGroupTag=1 TargetAddress=b')).toBe(
      'TargetAlias=Reject TargetPortalGroupTag=Reject TargetAddress=Reject',
    );
  });

  it('of the security exchange is refused outside it', () => {
    expect(answer('AuthMethod=None')).toBe('AuthMethod=Reject');
  });

  it('of the operational stage is refused in the security stage', () => {
    const machine = negotiation();
    expect(ask(machine, 'InitiatorAlias=a HeaderDigest=None MaxRecvDataSegmentLength=512', 'security')).toBe(
      'HeaderDigest=Reject MaxRecvDataSegmentLength=Reject',
    );
    expect(machine.declared('InitiatorAlias')).toBe('a');
    expect(machine.connectionParameters().peerMaxRecvDataSegmentLength).toBe(8192);
  });

  it('of the session is refused on a connection that joins one', () => {
    const machine = negotiation({}, false);
    expect(ask(machine, 'MaxBurstLength=512 HeaderDigest=CRC32C MaxRecvDataSegmentLength=512')).toBe(
      'MaxBurstLength=Reject HeaderDigest=CRC32C',
    );
    expect(machine.connectionParameters()).toMatchObject({ hasHeaderDigest: true, peerMaxRecvDataSegmentLength: 512 });
  });
});

describe('a discovery session', () => {
  it('makes the keys of commands irrelevant, wherever SessionType stands in the text', () => {
    const machine = negotiation();
    const text =
      'MaxConnections=1 InitialR2T=No ImmediateData=Yes MaxBurstLength=512 FirstBurstLength=512 MaxOutstandingR2T=1 ' +
      'DataPDUInOrder=Yes DataSequenceInOrder=Yes TaskReporting=RFC3720 iSCSIProtocolLevel=1';
    expect(ask(machine, `${text} SessionType=Discovery`)).toBe(text.replaceAll(/=[^ ]*/g, '=Irrelevant'));
    expect(machine.sessionParameters()).toEqual({ ...SESSION_PARAMETERS_DEFAULT, sessionType: 'Discovery' });
  });

  it('still settles what concerns the connection and its end', () => {
    expect(
      answer('SessionType=Discovery HeaderDigest=CRC32C DefaultTime2Wait=3 DefaultTime2Retain=3 ErrorRecoveryLevel=2'),
    ).toBe('HeaderDigest=CRC32C DefaultTime2Wait=3 DefaultTime2Retain=0 ErrorRecoveryLevel=0');
  });
});

describe('FirstBurstLength', () => {
  it('is at most MaxBurstLength, in whichever order they come', () => {
    expect(answer('FirstBurstLength=65536 MaxBurstLength=4096')).toBe('FirstBurstLength=4096 MaxBurstLength=4096');
    expect(answer('MaxBurstLength=4096 FirstBurstLength=65536')).toBe('MaxBurstLength=4096 FirstBurstLength=4096');
  });

  it('is at most MaxBurstLength when that comes in a later text, or it is not negotiated', () => {
    const machine = negotiation();
    ask(machine, 'FirstBurstLength=65536');
    ask(machine, 'MaxBurstLength=4096');
    expect(machine.sessionParameters()).toMatchObject({ maxBurstLength: 4096, firstBurstLength: 4096 });
    const silent = negotiation();
    ask(silent, 'MaxBurstLength=4096');
    expect(silent.sessionParameters()).toMatchObject({ maxBurstLength: 4096, firstBurstLength: 4096 });
  });

  it('is irrelevant when no unsolicited data can come, wherever that is said in the text', () => {
    expect(answer('FirstBurstLength=65536 InitialR2T=Yes ImmediateData=No')).toBe(
      'FirstBurstLength=Irrelevant InitialR2T=Yes ImmediateData=No',
    );
    expect(answer('FirstBurstLength=65536 ImmediateData=No', { InitialR2T: true })).toBe(
      'FirstBurstLength=Irrelevant ImmediateData=No',
    );
    expect(answer('FirstBurstLength=65536 InitialR2T=No ImmediateData=No')).toBe(
      'FirstBurstLength=65536 InitialR2T=No ImmediateData=No',
    );
    expect(answer('FirstBurstLength=65536 InitialR2T=Yes ImmediateData=Yes')).toBe(
      'FirstBurstLength=65536 InitialR2T=Yes ImmediateData=Yes',
    );
  });
});

describe('our declaration of MaxRecvDataSegmentLength', () => {
  it('is made once, and holds from then on', () => {
    const machine = negotiation({ MaxRecvDataSegmentLength: 131072 });
    expect(machine.connectionParameters().maxRecvDataSegmentLength).toBe(8192);
    expect(machine.declareLength()).toEqual(pairs('MaxRecvDataSegmentLength=131072'));
    expect(machine.declareLength()).toEqual([]);
    expect(machine.connectionParameters().maxRecvDataSegmentLength).toBe(131072);
  });
});

describe('a proposal', () => {
  it('is made for what an initiator leaves above our offer, once', () => {
    const machine = negotiation({ ImmediateData: false, MaxBurstLength: 65536, FirstBurstLength: 4096 });
    expect(machine.propose()).toEqual(pairs('ImmediateData=No MaxBurstLength=65536 FirstBurstLength=4096'));
    expect(machine.propose()).toEqual([]);
  });

  it('of FirstBurstLength is made when unsolicited data can come', () => {
    expect(negotiation({ FirstBurstLength: 4096 }).propose()).toEqual(pairs('FirstBurstLength=4096'));
  });

  it('is not made when the default is within our offers', () => {
    expect(negotiation().propose()).toEqual([]);
    const machine = negotiation();
    ask(machine, 'MaxBurstLength=512');
    expect(machine.propose()).toEqual([]);
    expect(machine.sessionParameters().firstBurstLength).toBe(512);
  });

  it('is not made for what was negotiated, in discovery, or on a connection that joins', () => {
    const offers = { ImmediateData: false };
    const machine = negotiation(offers);
    ask(machine, 'ImmediateData=Yes');
    expect(machine.propose()).toEqual([]);
    const discovery = negotiation(offers);
    ask(discovery, 'SessionType=Discovery');
    expect(discovery.propose()).toEqual([]);
    expect(negotiation(offers, false).propose()).toEqual([]);
  });

  it('is settled by the initiator, who is not answered', () => {
    const machine = negotiation({ ImmediateData: false, MaxBurstLength: 65536 });
    machine.propose();
    expect(ask(machine, 'ImmediateData=No MaxBurstLength=4096')).toBe('');
    expect(machine.sessionParameters()).toMatchObject({ immediateData: false, maxBurstLength: 4096 });
    expect(ask(machine, 'ImmediateData=No')).toBe('renegotiated ImmediateData');
  });

  it('leaves the default when it is refused, exceeded or passed over', () => {
    const machine = negotiation({ ImmediateData: false, MaxBurstLength: 65536, InitialR2T: true });
    machine.propose();
    expect(ask(machine, 'ImmediateData=Reject MaxBurstLength=262144')).toBe('');
    expect(machine.sessionParameters()).toMatchObject({ immediateData: true, maxBurstLength: 262144 });
  });
});

describe('in full feature phase', () => {
  it('MaxRecvDataSegmentLength may be declared anew, once in each exchange', () => {
    const machine = negotiation();
    ask(machine, 'MaxRecvDataSegmentLength=512');
    machine.restart();
    expect(ask(machine, 'MaxRecvDataSegmentLength=1024', 'full-feature')).toBe('');
    expect(machine.connectionParameters().peerMaxRecvDataSegmentLength).toBe(1024);
    expect(ask(machine, 'MaxRecvDataSegmentLength=1024', 'full-feature')).toBe('renegotiated MaxRecvDataSegmentLength');
  });

  it('what belongs to login is refused and stays', () => {
    const machine = negotiation();
    ask(machine, 'MaxBurstLength=4096 HeaderDigest=CRC32C');
    machine.restart();
    expect(ask(machine, 'MaxBurstLength=512 HeaderDigest=None InitiatorName=iqn.2001-04.com.x', 'full-feature')).toBe(
      'MaxBurstLength=Reject HeaderDigest=Reject InitiatorName=Reject',
    );
    expect(machine.sessionParameters().maxBurstLength).toBe(4096);
    expect(machine.connectionParameters().hasHeaderDigest).toBe(true);
  });

  it('SendTargets is handed on, and forgotten with the exchange', () => {
    const machine = negotiation();
    expect(ask(machine, 'SendTargets=All', 'operational')).toBe('SendTargets=Reject');
    machine.restart();
    expect(ask(machine, 'SendTargets=', 'full-feature')).toBe('');
    expect(machine.declared('SendTargets')).toBe('');
    machine.restart();
    expect(machine.declared('SendTargets')).toBeNull();
  });
});

describe('whatever an initiator sends', () => {
  const names = fc.constantFrom(...Object.keys(KEYS), 'Foo', 'X-a', 'toString', '__proto__');
  const values = fc.oneof(
    fc.constantFrom(
      'Yes',
      'No',
      'None',
      'CRC32C',
      'CRC32C,None',
      'Reject',
      'NotUnderstood',
      'Irrelevant',
      'Discovery',
      '',
    ),
    fc.integer({ min: 0, max: 2 ** 24 }).map(String),
    fc.string({ maxLength: 10 }),
  );
  const text = fc.array(fc.record({ key: names, value: values }), { maxLength: 12 });
  const phase = fc.constantFrom<NegotiationPhase[]>('security', 'operational', 'full-feature');
  const tight = { ImmediateData: false, MaxBurstLength: 4096, FirstBurstLength: 512 };

  it('nothing throws, each key is answered at most as often as it came, and results keep to the offers', () => {
    const texts = fc.array(fc.tuple(text, phase), { maxLength: 4 });
    const property = fc.property(texts, fc.boolean(), fc.constantFrom({}, tight), (all, isLeading, offers) => {
      const machine = negotiation(offers, isLeading);
      for (const [sent, phaseOfText] of all) {
        const { answers } = machine.respond(sent, phaseOfText);
        for (const { key } of answers) expect(sent.some((pair) => pair.key === key)).toBe(true);
        expect(answers.length).toBeLessThanOrEqual(sent.length);
        machine.propose();
      }
      const session = machine.sessionParameters();
      expect(session.firstBurstLength).toBeLessThanOrEqual(session.maxBurstLength);
      expect(session.maxBurstLength).toBeGreaterThanOrEqual(512);
      expect(session.maxBurstLength).toBeLessThanOrEqual(1048576);
      expect(session.maxOutstandingR2T).toBeLessThanOrEqual(4);
      expect(session.errorRecoveryLevel).toBe(0);
      expect(session.maxConnections).toBe(1);
      const { peerMaxRecvDataSegmentLength } = machine.connectionParameters();
      expect(peerMaxRecvDataSegmentLength).toBeGreaterThanOrEqual(512);
      expect(peerMaxRecvDataSegmentLength).toBeLessThanOrEqual(0xffffff);
    });
    fc.assert(property, { seed, numRuns: 500 });
  });
});
