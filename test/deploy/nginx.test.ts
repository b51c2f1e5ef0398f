import { nginx } from './proxy-server.ts'
import { proxySuite } from './proxy-suite.ts'

proxySuite(nginx)
