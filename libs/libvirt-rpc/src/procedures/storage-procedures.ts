/** Storage pools and volumes. */
import { call, download, high, upload } from './procedure.js';
import { int, list, string, uhyper, uint, uuid } from '../xdr/types.codec.js';
import { storagePool, storageVol } from './structures.js';

export const storageProcedures = {
  CONNECT_LIST_ALL_STORAGE_POOLS: high(
    281,
    { need_results: int, flags: uint },
    { pools: list(storagePool, 16384), ret: uint },
  ),
  STORAGE_POOL_LOOKUP_BY_NAME: high(84, { name: string }, { pool: storagePool }),
  STORAGE_POOL_LOOKUP_BY_UUID: high(85, { uuid: uuid }, { pool: storagePool }),
  STORAGE_POOL_LOOKUP_BY_VOLUME: high(86, { vol: storageVol }, { pool: storagePool }),
  STORAGE_POOL_CREATE_XML: call(76, { xml: string, flags: uint }, { pool: storagePool }),
  STORAGE_POOL_DEFINE_XML: high(77, { xml: string, flags: uint }, { pool: storagePool }),
  STORAGE_POOL_BUILD: call(79, { pool: storagePool, flags: uint }, {}),
  STORAGE_POOL_CREATE: call(78, { pool: storagePool, flags: uint }, {}),
  STORAGE_POOL_DESTROY: high(80, { pool: storagePool }, {}),
  STORAGE_POOL_DELETE: call(81, { pool: storagePool, flags: uint }, {}),
  STORAGE_POOL_UNDEFINE: high(82, { pool: storagePool }, {}),
  STORAGE_POOL_REFRESH: call(83, { pool: storagePool, flags: uint }, {}),
  STORAGE_POOL_GET_INFO: high(
    87,
    { pool: storagePool },
    { state: int, capacity: uhyper, allocation: uhyper, available: uhyper },
  ),
  STORAGE_POOL_GET_XML_DESC: high(88, { pool: storagePool, flags: uint }, { xml: string }),
  STORAGE_POOL_SET_AUTOSTART: high(90, { pool: storagePool, autostart: int }, {}),
  STORAGE_POOL_GET_AUTOSTART: high(89, { pool: storagePool }, { autostart: int }),
  STORAGE_POOL_LIST_ALL_VOLUMES: high(
    282,
    { pool: storagePool, need_results: int, flags: uint },
    { vols: list(storageVol, 16384), ret: uint },
  ),
  STORAGE_VOL_LOOKUP_BY_NAME: high(95, { pool: storagePool, name: string }, { vol: storageVol }),
  STORAGE_VOL_LOOKUP_BY_KEY: high(96, { key: string }, { vol: storageVol }),
  STORAGE_VOL_LOOKUP_BY_PATH: high(97, { path: string }, { vol: storageVol }),
  STORAGE_VOL_CREATE_XML: call(93, { pool: storagePool, xml: string, flags: uint }, { vol: storageVol }),
  STORAGE_VOL_CREATE_XML_FROM: call(
    125,
    { pool: storagePool, xml: string, clonevol: storageVol, flags: uint },
    { vol: storageVol },
  ),
  STORAGE_VOL_DELETE: call(94, { vol: storageVol, flags: uint }, {}),
  STORAGE_VOL_WIPE_PATTERN: call(259, { vol: storageVol, algorithm: uint, flags: uint }, {}),
  STORAGE_VOL_RESIZE: call(260, { vol: storageVol, capacity: uhyper, flags: uint }, {}),
  STORAGE_VOL_GET_INFO: high(98, { vol: storageVol }, { type: int, capacity: uhyper, allocation: uhyper }),
  STORAGE_VOL_GET_INFO_FLAGS: high(
    378,
    { vol: storageVol, flags: uint },
    { type: int, capacity: uhyper, allocation: uhyper },
  ),
  STORAGE_VOL_GET_XML_DESC: high(99, { vol: storageVol, flags: uint }, { xml: string }),
  STORAGE_VOL_GET_PATH: high(100, { vol: storageVol }, { name: string }),
  STORAGE_VOL_UPLOAD: upload(208, { vol: storageVol, offset: uhyper, length: uhyper, flags: uint }, {}),
  STORAGE_VOL_DOWNLOAD: download(209, { vol: storageVol, offset: uhyper, length: uhyper, flags: uint }, {}),
};
