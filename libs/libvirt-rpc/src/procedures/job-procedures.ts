/** Snapshots, checkpoints, backups, jobs and migration. */
import { call, high } from './procedure.js';
import { params } from '../xdr/typed-params.codec.js';
import { int, list, opaque, optional, string, uhyper, uint } from '../xdr/types.codec.js';
import { domain, domainCheckpoint, domainSnapshot } from './structures.js';

export const jobProcedures = {
  DOMAIN_SNAPSHOT_CREATE_XML: call(185, { dom: domain, xml_desc: string, flags: uint }, { snap: domainSnapshot }),
  DOMAIN_SNAPSHOT_GET_XML_DESC: high(186, { snap: domainSnapshot, flags: uint }, { xml: string }),
  DOMAIN_LIST_ALL_SNAPSHOTS: high(
    274,
    { dom: domain, need_results: int, flags: uint },
    { snapshots: list(domainSnapshot, 16384), ret: int },
  ),
  DOMAIN_SNAPSHOT_LOOKUP_BY_NAME: high(189, { dom: domain, name: string, flags: uint }, { snap: domainSnapshot }),
  DOMAIN_SNAPSHOT_CURRENT: call(191, { dom: domain, flags: uint }, { snap: domainSnapshot }),
  DOMAIN_HAS_CURRENT_SNAPSHOT: call(190, { dom: domain, flags: uint }, { result: int }),
  DOMAIN_SNAPSHOT_GET_PARENT: high(244, { snap: domainSnapshot, flags: uint }, { snap: domainSnapshot }),
  DOMAIN_SNAPSHOT_LIST_ALL_CHILDREN: high(
    275,
    { snapshot: domainSnapshot, need_results: int, flags: uint },
    { snapshots: list(domainSnapshot, 16384), ret: int },
  ),
  DOMAIN_REVERT_TO_SNAPSHOT: call(192, { snap: domainSnapshot, flags: uint }, {}),
  DOMAIN_SNAPSHOT_DELETE: call(193, { snap: domainSnapshot, flags: uint }, {}),
  DOMAIN_CHECKPOINT_CREATE_XML: call(
    411,
    { dom: domain, xml_desc: string, flags: uint },
    { checkpoint: domainCheckpoint },
  ),
  DOMAIN_CHECKPOINT_GET_XML_DESC: call(412, { checkpoint: domainCheckpoint, flags: uint }, { xml: string }),
  DOMAIN_LIST_ALL_CHECKPOINTS: high(
    413,
    { dom: domain, need_results: int, flags: uint },
    { checkpoints: list(domainCheckpoint, 16384), ret: int },
  ),
  DOMAIN_CHECKPOINT_LOOKUP_BY_NAME: high(
    415,
    { dom: domain, name: string, flags: uint },
    { checkpoint: domainCheckpoint },
  ),
  DOMAIN_CHECKPOINT_DELETE: call(417, { checkpoint: domainCheckpoint, flags: uint }, {}),
  DOMAIN_BACKUP_BEGIN: call(
    421,
    { dom: domain, backup_xml: string, checkpoint_xml: optional(string), flags: uint },
    {},
  ),
  DOMAIN_BACKUP_GET_XML_DESC: high(422, { dom: domain, flags: uint }, { xml: string }),
  DOMAIN_GET_JOB_INFO: call(
    163,
    { dom: domain },
    {
      type: int,
      timeElapsed: uhyper,
      timeRemaining: uhyper,
      dataTotal: uhyper,
      dataProcessed: uhyper,
      dataRemaining: uhyper,
      memTotal: uhyper,
      memProcessed: uhyper,
      memRemaining: uhyper,
      fileTotal: uhyper,
      fileProcessed: uhyper,
      fileRemaining: uhyper,
    },
  ),
  DOMAIN_GET_JOB_STATS: call(298, { dom: domain, flags: uint }, { type: int, params: params(64) }),
  DOMAIN_ABORT_JOB: call(164, { dom: domain }, {}),
  DOMAIN_ABORT_JOB_FLAGS: call(442, { dom: domain, flags: uint }, {}),
  DOMAIN_BLOCK_COPY: call(345, { dom: domain, path: string, destxml: string, params: params(16), flags: uint }, {}),
  DOMAIN_BLOCK_COMMIT: call(
    290,
    { dom: domain, disk: string, base: optional(string), top: optional(string), bandwidth: uhyper, flags: uint },
    {},
  ),
  DOMAIN_BLOCK_PULL: call(240, { dom: domain, path: string, bandwidth: uhyper, flags: uint }, {}),
  DOMAIN_BLOCK_REBASE: call(
    266,
    { dom: domain, path: string, base: optional(string), bandwidth: uhyper, flags: uint },
    {},
  ),
  DOMAIN_BLOCK_JOB_ABORT: call(237, { dom: domain, path: string, flags: uint }, {}),
  DOMAIN_GET_BLOCK_JOB_INFO: call(
    238,
    { dom: domain, path: string, flags: uint },
    { found: int, type: int, bandwidth: uhyper, cur: uhyper, end: uhyper },
  ),
  DOMAIN_BLOCK_JOB_SET_SPEED: call(239, { dom: domain, path: string, bandwidth: uhyper, flags: uint }, {}),
  DOMAIN_BLOCK_RESIZE: call(251, { dom: domain, disk: string, size: uhyper, flags: uint }, {}),
  DOMAIN_MIGRATE_PERFORM3_PARAMS: call(
    305,
    { dom: domain, dconnuri: optional(string), params: params(64), cookie_in: opaque(4_194_304), flags: uint },
    { cookie_out: opaque(4_194_304) },
  ),
  DOMAIN_MIGRATE_BEGIN3_PARAMS: call(
    302,
    { dom: domain, params: params(64), flags: uint },
    { cookie_out: opaque(4_194_304), xml: string },
  ),
  DOMAIN_MIGRATE_PREPARE3_PARAMS: call(
    303,
    { params: params(64), cookie_in: opaque(4_194_304), flags: uint },
    { cookie_out: opaque(4_194_304), uri_out: optional(string) },
  ),
  DOMAIN_MIGRATE_FINISH3_PARAMS: call(
    306,
    { params: params(64), cookie_in: opaque(4_194_304), flags: uint, cancelled: int },
    { dom: domain, cookie_out: opaque(4_194_304) },
  ),
  DOMAIN_MIGRATE_CONFIRM3_PARAMS: call(
    307,
    { dom: domain, params: params(64), cookie_in: opaque(4_194_304), flags: uint, cancelled: int },
    {},
  ),
  DOMAIN_MIGRATE_SET_MAX_DOWNTIME: call(166, { dom: domain, downtime: uhyper, flags: uint }, {}),
  DOMAIN_MIGRATE_GET_MAX_DOWNTIME: call(387, { dom: domain, flags: uint }, { downtime: uhyper }),
  DOMAIN_MIGRATE_SET_MAX_SPEED: call(207, { dom: domain, bandwidth: uhyper, flags: uint }, {}),
  DOMAIN_MIGRATE_GET_MAX_SPEED: call(242, { dom: domain, flags: uint }, { bandwidth: uhyper }),
  DOMAIN_MIGRATE_SET_COMPRESSION_CACHE: call(300, { dom: domain, cacheSize: uhyper, flags: uint }, {}),
  DOMAIN_MIGRATE_START_POST_COPY: call(364, { dom: domain, flags: uint }, {}),
};
