export { ServicePlanner } from './planner.ts';
export { ServiceProxy, type ServiceProxyOptions, type SyncFigures } from './service-proxy.ts';
