import { nativeAddon } from '../lock/native.ts';
import { isFailure } from '../lock/system-error.ts';

/**
 * Tells the service manager of the environment's NOTIFY_SOCKET, as sd_notify(3) does: `READY=1`, `STOPPING=1`,
 * `STATUS=…`. False when there is none, or it does not listen: a service does not fail for that. Never waits.
 */
export function notifyService(message: string, env: NodeJS.ProcessEnv = process.env): boolean {
  const socket = env.NOTIFY_SOCKET;
  // Others are not for us: vsock: of virtual machines.
  if (socket === undefined || !/^[/@]/.test(socket)) return false;
  return !isFailure(nativeAddon().sendDatagram(socket, message));
}
