"""What `bench.build_tables` maps by hand: phrases to functions, laws to ids, situations to rows."""

from __future__ import annotations

from typing import Final

#: Function → how its unit in a district is called.
BUREAU_NAMES: Final = {
    "ecology": "{district}生态环境局",
    "urban_mgmt": "{district}城市管理委员会",
    "law_enforcement": "{district}城市管理综合行政执法局",
    "housing": "{district}住房和城乡建设委员会",
    "landscape": "{district}园林绿化局",
    "planning": "北京市规划和自然资源委员会{short}分局",
    "water": "{district}水务局",
    "agriculture": "{district}农业农村局",
    "police": "北京市公安局{short}分局",
    "traffic_police": "北京市公安局公安交通管理局{short}交通支队",
    "transport": "{district}交通主管部门",
    "health": "{district}卫生健康委员会",
    "market": "{district}市场监督管理局",
    "industry": "{district}经济和信息化局",
    "commerce": "{district}商务局",
    "emergency": "{district}应急管理局",
    "fire": "{district}消防救援支队",
}
CITY_NAMES: Final = {
    "ecology": "北京市生态环境局",
    "urban_mgmt": "北京市城市管理委员会",
    "law_enforcement": "北京市城市管理综合行政执法局",
    "housing": "北京市住房和城乡建设委员会",
    "landscape": "北京市园林绿化局",
    "planning": "北京市规划和自然资源委员会",
    "water": "北京市水务局",
    "agriculture": "北京市农业农村局",
    "police": "北京市公安局",
    "traffic_police": "北京市公安局公安交通管理局",
    "transport": "北京市交通委员会",
    "health": "北京市卫生健康委员会",
    "market": "北京市市场监督管理局",
    "culture": "北京市文化和旅游局",
    "telecom": "北京市通信管理局",
    "drainage": "北京城市排水集团",
    "waterworks": "北京市自来水集团",
    "power": "国网北京市电力公司",
}
#: Phrases of the matrix's district and co-unit columns → function; `@` = the city's own unit.
BUREAUS: Final = {
    "区生态环境局": "ecology",
    "区城市管理委": "urban_mgmt",
    "区城管执法局": "law_enforcement",
    "区住房城乡建设委": "housing",
    "区园林绿化局": "landscape",
    "市规划和自然资源委分局": "planning",
    "区规自分局": "planning",
    "区水务局": "water",
    "区农业农村局": "agriculture",
    "公安分局": "police",
    "公安": "police",
    "公安交管支队": "traffic_police",
    "公安交管部门": "traffic_police",
    "公安交管": "traffic_police",
    "区交通部门": "transport",
    "区卫生健康委": "health",
    "区市场监督管理局": "market",
    "区经济和信息化局": "industry",
    "区商务局": "commerce",
    "区应急局": "emergency",
    "应急": "emergency",
    "消防": "fire",
    "水务": "water",
    "区政府": "district",
    "区人民政府": "district",
    "市通信管理局": "@telecom",
    "供电公司": "@power",
    "市生态环境局": "@ecology",
}
#: Assists that the co-unit column cannot give by itself.
EXTRA_ASSIST: Final = {
    "RAD-01": ("@telecom",),  # power lines have their own situation
    "SOL-06": ("police",),  # 公安(刑事/拘留): always told, it is dumping
    "ECO-04": ("police", "market"),  # 公安(森林)
    "WAT-04": ("@drainage",),  # note: 公共管网 → 排水集团
    "WAT-08": ("@waterworks", "health"),
    "NOI-11": ("@power",),
}
#: 现场联系方: named by the matrix, no units. Residents' committees are left out on purpose (条例 art. 17).
CONTACTS: Final = {
    "AIR-02": ("环卫作业单位",),
    "WAT-04": ("物业", "产权单位"),
    "NOI-05": ("公园管理机构",),
    "NOI-06": ("物业", "业委会"),
    "NOI-07": ("物业",),
    "NOI-11": ("物业",),
    "SOL-01": ("物业", "垃圾分类管理责任人"),
    "OTH-05": ("津冀对口部门",),
    "OTH-99": ("会商单位",),
}
#: Kind → (situation, lead, assists); sources and status are those of situations.yaml. For delegated kinds the
#: street leads from 2020-07-01 and the lead named here leads before.
SITUATIONS: Final = {
    "AIR-01": (
        ("water_works", "water", ("water", "law_enforcement", "ecology")),
        ("green_works", "landscape", ("landscape", "law_enforcement", "ecology")),
        ("road_works", "transport", ("transport", "law_enforcement", "ecology")),
    ),
    "AIR-02": (("highway", "transport", ("urban_mgmt",)), ("lane", "street", ("urban_mgmt",))),
    "AIR-03": (("green_land", "landscape", ("ecology",)), ("reserve_land", "planning", ("ecology",))),
    "AIR-11": (
        ("waste_facility", "urban_mgmt", ("ecology",)),
        ("bins", "street", ("urban_mgmt",)),
        ("sewage_facility", "ecology", ("water",)),
    ),
    "AIR-12": (("car_repair", "ecology", ("transport",)),),
    "WAT-04": (("inside_compound", "street", ("water", "housing")),),
    "NOI-09": (("rail_air", "@transport", ("transport", "@ecology")),),
    "NOI-10": (("fixed_equipment", "ecology", ("law_enforcement",)),),
    "SOI-01": (("farmland", "ecology", ("agriculture", "planning")),),
    "RAD-01": (("substation", "ecology", ("@power",)),),
    "ECO-04": (("aquatic", "agriculture", ("landscape", "market")),),
    "LIG-01": (("glass_wall", "housing", ("urban_mgmt", "planning")),),
}
LAW_IDS: Final = {
    "大气污染防治法(2018)": "air",
    "噪声污染防治法(2022)": "noise",
    "固体废物污染环境防治法(2020)": "solid",
    "环境保护法(2014)": "env",
    "土壤污染防治法": "soil",
    "放射性污染防治法": "radioactive",
    "治安管理处罚法(2026-01-01)": "public-security",
    "排污许可管理条例(2021)": "permit",
    "放射性同位素与射线装置安全和防护条例": "isotope",
    "电磁辐射管理规定": "emf",
    "供水管理规定": "tap",
    "北京市水污染防治条例": "bj-water",
    "北京市河湖保护管理条例": "bj-river",
    "北京市生活垃圾管理条例(2020)": "bj-waste",
    "北京市危险废物污染环境防治条例(2020)": "bj-hazard",
    "北京市机动车和非道路移动机械排放污染防治条例(2020-05-01)": "bj-vehicle",
    "北京市野生动物保护管理条例(2020)": "bj-wildlife",
    "北京市绿化条例(2019修正)": "bj-green",
    "北京市市容环境卫生条例(2021)": "bj-sanitation",
    "北京市湿地保护条例": "bj-wetland",
    "北京市生态涵养区条例(2021)": "bj-conservation",
    "北京市烟花爆竹安全管理规定(2017)": "bj-fireworks",
    "北京市养犬管理规定": "bj-dogs",
    "北京市环境噪声污染防治办法(2007)": "bj-noise",
    "北京市公共场所禁止露天烧烤规定(2000-10-01)": "bj-barbecue",
    "京政发〔2020〕9号 下放431项": "bj-delegation",
    "北京市接诉即办工作条例": "bj-swift",
    "种子文件(十五)": "bj-plan",
    "种子文件(八)": "bj-plan",
    "种子文件(三十)(三十一)": "bj-plan",
    "2020/2022 市局投诉通报：油烟件转办区生态环境局": "bj-report-fume",
    "2020-11 市局通报：餐馆空调外机噪声转办区生态环境局": "bj-report-fan",
}
FESTIVALS: Final = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗战胜利纪念日",
}
