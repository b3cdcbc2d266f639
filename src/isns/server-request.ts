/**
 * What a server asks of its clients: Entity Status Inquiry (RFC 4171 5.6.5.13) and State Change Notification (5.6.5.8).
 * Both are answered at once and from the message alone.
 */
import { type Attribute, attributeText, readAttributes, writeAttributes } from './attributes.ts';
import {
  ESI,
  FLAG_FROM_CLIENT,
  HEARTBEAT,
  RESPONSE_BIT,
  SCN,
  STATUS_FUNCTION_NOT_SUPPORTED,
  STATUS_MESSAGE_FORMAT_ERROR,
  STATUS_SUCCESSFUL,
  TAG_ISCSI_NAME,
} from './constants.ts';
import type { Message } from './message.ts';

const STATUS_BYTES = 4;

/** The answer to `request`, which is no response; null where the RFC has none. */
export function answerTo(request: Message): Message | null {
  const { functionId, transactionId, payload } = request;
  if (functionId === HEARTBEAT) return null;
  const attributes = readAttributes(payload, 0);
  const answer = (status: number, echoed: readonly Attribute[]): Message => ({
    functionId: functionId | RESPONSE_BIT,
    flags: FLAG_FROM_CLIENT,
    transactionId,
    payload: withStatus(status, echoed),
  });
  if (functionId !== ESI && functionId !== SCN) return answer(STATUS_FUNCTION_NOT_SUPPORTED, []);
  if (attributes === null) return answer(STATUS_MESSAGE_FORMAT_ERROR, []);
  // 5.7.5.13: an ESI comes back whole; 5.7.5.8: of an SCN its destination, the first attribute.
  return answer(STATUS_SUCCESSFUL, functionId === ESI ? attributes : attributes.slice(0, 1));
}

/** The iSCSI names that an SCN is about; none for any other message. */
export function namesChanged({ functionId, payload }: Message): string[] {
  const attributes = functionId === SCN ? readAttributes(payload, 0) : null;
  if (attributes === null) return [];
  return attributes
    .slice(1)
    .filter(({ tag }) => tag === TAG_ISCSI_NAME)
    .map(attributeText);
}

function withStatus(status: number, attributes: readonly Attribute[]): Uint8Array {
  const payload = writeAttributes(attributes, STATUS_BYTES);
  new DataView(payload.buffer).setUint32(0, status);
  return payload;
}
