export { ServicePlanner } from './planner.ts';
export { ServiceProxy, type ServiceProxyOptions, type SyncFigures } from './service-proxy.ts';
export { tableName as servicesTable } from './table.ts';
