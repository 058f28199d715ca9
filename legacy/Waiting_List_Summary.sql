/* Data connection of Waiting List Summary.xlsx, refreshed every Sunday evening by the information team. */
DECLARE @CensusDate date = GETDATE();

SELECT t.[Trust_Name]                                             AS [Trust]
      ,'Week ending ' + CONVERT(varchar(10), @CensusDate, 103)    AS [Week]
      ,(SELECT COUNT(*) FROM [dbo].[vw_BreachReport] AS b
         WHERE b.[Trust_ID] = t.[Trust_ID])                       AS [Waiting]
      ,(SELECT COUNT(*) FROM [dbo].[vw_BreachReport] AS b
         WHERE b.[Trust_ID] = t.[Trust_ID] AND b.[Over_18_Weeks] = 1)  AS [Over_18_Weeks]
      ,(SELECT COUNT(*) FROM [dbo].[vw_BreachReport] AS b
         WHERE b.[Trust_ID] = t.[Trust_ID] AND b.[Over_52_Weeks] = 1)  AS [Over_52_Weeks]
      ,(SELECT COUNT(*) FROM [dbo].[vw_RiskView] AS k
         WHERE k.[Trust_ID] = t.[Trust_ID] AND k.[Risk_Band] = 'High') AS [High_Risk]
      ,(SELECT COUNT(*) FROM [dbo].[vw_RiskView] AS k
         WHERE k.[Trust_ID] = t.[Trust_ID] AND k.[Age] >= 75)     AS [Aged_75_Plus]
      ,(SELECT COUNT(*) FROM [dbo].[vw_CapacityView] AS v
         WHERE v.[Trust_ID] = t.[Trust_ID])                       AS [Capacity]
FROM   [dbo].[Trusts] AS t WITH (NOLOCK)
ORDER BY t.[Trust_Name]
