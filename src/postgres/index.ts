/** The cluster store: deferred functions that survive their machine. Needs the package `pg`. */
import '../refuse-old-node.ts'; // the first

export { DeferredSweepError, type DeferredSweepErrorCode } from '../errors.ts';
export { currentInvocation, type Invocation } from '../function/current-invocation.ts';
export type { Logger } from '../report/logger.ts';
export {
  type ClusterCall,
  type ClusterDefer,
  ClusterJob,
  type ClusterRegistration,
  type HandlerArguments,
  type HandlerName,
} from './job.ts';
export { ClusterManager, type ClusterSweepOptions, type ClusterWatchOptions } from './manager.ts';
export type { ClusterOptions, Handler, Handlers } from './options.ts';
export type { ClusterReport, FunctionReport, OwnerReport, ReportedError } from './report.ts';
export type { ConnectionOptions } from './session/driver.ts';
