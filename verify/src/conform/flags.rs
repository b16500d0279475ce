//! The kernel's flags that recordings show, by their names in v6.12.

/// `EXT4_GET_BLOCKS_CREATE`.
pub const GET_CREATE: u64 = 0x1;
/// `EXT4_GET_BLOCKS_IO_CREATE_EXT`.
pub const GET_IO_CREATE: u64 = 0xb;
/// `EXT4_GET_BLOCKS_IO_CONVERT_EXT`, of a conversion.
pub const GET_IO_CONVERT: u64 = 0x13;
/// `EXT4_GET_BLOCKS_UNWRIT_EXT`.
pub const GET_UNWRITTEN: u64 = 0x2;
/// `EXT4_GET_BLOCKS_CONVERT`.
pub const GET_CONVERT: u64 = 0x10;
/// `EXT4_GET_BLOCKS_CONVERT_UNWRITTEN`.
pub const GET_ZERO: u64 = 0x100;
/// `EXT4_GET_BLOCKS_NO_NORMALIZE`.
pub const GET_NO_NORMALIZE: u64 = 0x40;
/// `EXT4_GET_BLOCKS_IO_SUBMIT`: pages are written back.
pub const GET_IO_SUBMIT: u64 = 0x400;
/// `EXT4_EX_NOCACHE`.
pub const EX_NOCACHE: u64 = 1 << 30;
/// `EXT4_MAP_MAPPED`.
pub const MAP_MAPPED: u64 = 0x10;
/// `EXT4_MAP_NEW`.
pub const MAP_NEW: u64 = 0x20;
/// `EXT4_MAP_UNWRITTEN`.
pub const MAP_UNWRITTEN: u64 = 0x800;
/// `FALLOC_FL_KEEP_SIZE`.
pub const KEEP_SIZE: u64 = 1;
/// `FALLOC_FL_PUNCH_HOLE`.
pub const PUNCH_HOLE: u64 = 2;
/// `FALLOC_FL_COLLAPSE_RANGE`.
pub const COLLAPSE: u64 = 8;
/// `FALLOC_FL_ZERO_RANGE`.
pub const ZERO: u64 = 0x10;
/// `FALLOC_FL_INSERT_RANGE`.
pub const INSERT: u64 = 0x20;
/// `__I_DIO_WAKEUP`.
pub const DIO_WAKEUP: u64 = 9;
/// `ATTR_SIZE`.
pub const ATTR_SIZE: u64 = 8;
/// `IOCB_NOWAIT`.
pub const NOWAIT: u64 = 8;
/// `IOCB_DIRECT`.
pub const DIRECT: u64 = 1 << 17;
/// `IOMAP_DIO_FORCE_WAIT`.
pub const FORCE_WAIT: u64 = 1;
/// `IOMAP_DIO_UNWRITTEN`.
pub const DIO_UNWRITTEN: u64 = 1;
/// `IOMAP_DIO_WRITE`.
pub const DIO_WRITE: u64 = 1 << 30;
/// `IOMAP_DIRECT`.
pub const IOMAP_DIRECT: u64 = 0x10;
/// `IOMAP_WRITE`.
pub const WRITE: u64 = 1;
