/** Networks, packet filters and secrets. */
import { call, high } from './procedure.js';
import { int, list, opaque, optional, string, uint, uuid } from '../xdr/types.codec.js';
import { network, networkDhcpLease, nwfilter, secret } from './structures.js';

export const networkProcedures = {
  CONNECT_LIST_ALL_NETWORKS: high(283, { need_results: int, flags: uint }, { nets: list(network, 16384), ret: uint }),
  NETWORK_LOOKUP_BY_NAME: high(46, { name: string }, { net: network }),
  NETWORK_LOOKUP_BY_UUID: high(47, { uuid: uuid }, { net: network }),
  NETWORK_DEFINE_XML_FLAGS: high(432, { xml: string, flags: uint }, { net: network }),
  NETWORK_CREATE_XML_FLAGS: high(437, { xml: string, flags: uint }, { net: network }),
  NETWORK_CREATE: call(39, { net: network }, {}),
  NETWORK_UPDATE: high(
    291,
    { net: network, command: uint, section: uint, parentIndex: int, xml: string, flags: uint },
    {},
  ),
  NETWORK_DESTROY: high(42, { net: network }, {}),
  NETWORK_UNDEFINE: high(49, { net: network }, {}),
  NETWORK_GET_XML_DESC: high(43, { net: network, flags: uint }, { xml: string }),
  NETWORK_GET_BRIDGE_NAME: high(45, { net: network }, { name: string }),
  NETWORK_GET_AUTOSTART: high(44, { net: network }, { autostart: int }),
  NETWORK_SET_AUTOSTART: high(48, { net: network, autostart: int }, {}),
  NETWORK_IS_ACTIVE: high(152, { net: network }, { active: int }),
  NETWORK_GET_DHCP_LEASES: call(
    341,
    { net: network, mac: optional(string), need_results: int, flags: uint },
    { leases: list(networkDhcpLease, 65536), ret: uint },
  ),
  CONNECT_LIST_ALL_NWFILTERS: high(
    286,
    { need_results: int, flags: uint },
    { filters: list(nwfilter, 16384), ret: uint },
  ),
  NWFILTER_DEFINE_XML_FLAGS: high(431, { xml: string, flags: uint }, { nwfilter: nwfilter }),
  NWFILTER_UNDEFINE: high(181, { nwfilter: nwfilter }, {}),
  NWFILTER_GET_XML_DESC: high(177, { nwfilter: nwfilter, flags: uint }, { xml: string }),
  SECRET_DEFINE_XML: high(142, { xml: string, flags: uint }, { secret: secret }),
  SECRET_SET_VALUE: high(144, { secret: secret, value: opaque(65536), flags: uint }, {}),
  SECRET_UNDEFINE: high(146, { secret: secret }, {}),
  SECRET_LOOKUP_BY_UUID: high(141, { uuid: uuid }, { secret: secret }),
  CONNECT_LIST_ALL_SECRETS: high(287, { need_results: int, flags: uint }, { secrets: list(secret, 16384), ret: uint }),
};
