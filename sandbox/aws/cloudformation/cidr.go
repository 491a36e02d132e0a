package cloudformation

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// cidr divides an IPv4 block into count subnets. The host part of each has the given number of
// bits.
func (s *scope) cidr(argument any) (any, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) != 3 {
		return nil, invalid("Template error: every Fn::Cidr object requires an ipBlock, a count and cidrBits")
	}
	block, err := s.text("Fn::Cidr", parts[0])
	if err != nil {
		return nil, err
	}
	count, err := s.number("Fn::Cidr", parts[1])
	if err != nil {
		return nil, err
	}
	bits, err := s.number("Fn::Cidr", parts[2])
	if err != nil {
		return nil, err
	}
	prefix, err := netip.ParsePrefix(block)
	if err != nil || !prefix.Addr().Is4() {
		if s.tentative {
			return []any{block}, nil
		}
		return nil, invalid("Template error: Fn::Cidr object has an invalid IPv4 block %s", block)
	}
	return subnets(prefix.Masked(), count, bits)
}

func (s *scope) number(function string, value any) (int, error) {
	text, err := s.text(function, value)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, invalid("Template error: %s wants a positive number, not %q", function, text)
	}
	return n, nil
}

func subnets(block netip.Prefix, count, bits int) (any, error) {
	length := 32 - bits
	if count > 256 || length < block.Bits() || length > 32 || count > 1<<(length-block.Bits()) {
		return nil, invalid("Template error: Fn::Cidr cannot cut %s into %d blocks of %d bits", block, count, bits)
	}
	base := binary.BigEndian.Uint32(block.Addr().AsSlice())
	out := make([]any, count)
	for i := range out {
		var address [4]byte
		binary.BigEndian.PutUint32(address[:], base+uint32(i)<<bits)
		out[i] = netip.PrefixFrom(netip.AddrFrom4(address), length).String()
	}
	return out, nil
}
